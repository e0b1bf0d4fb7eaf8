# SPDX-License-Identifier: Apache-2.0
"""An sshd of the tests' own on a high port of the loopback, with keys made for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running sshd: ``config`` is what the client needs, ``temporary`` where its sessions keep temporary files."""

    port: int
    config: Path
    process: subprocess.Popen[bytes]
    temporary: Path

    @property
    def target(self) -> str:
        """For ``--target``."""
        return f"ssh:root@127.0.0.1:{self.port}"

    def sessions(self) -> list[int]:
        """The processes of its connections."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(word) for word in text.split()]


@contextlib.contextmanager
def running_sshd(folder: Path, *, prefix: Sequence[str] = ()) -> Iterator[Sshd]:
    """An sshd that lets the test's own key in as root. ``prefix`` goes before it."""
    assert SSHD is not None
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, timeout=30)
    shutil.copyfile(folder / "user.pub", folder / "authorized_keys")
    temporary = folder / "tmp"
    temporary.mkdir()
    Path("/run/sshd").mkdir(exist_ok=True)
    port = _free_port()
    server = [
        f"HostKey {folder / 'host'}",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}",
        "ListenAddress 127.0.0.1",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PermitRootLogin prohibit-password",
        f"SetEnv TMPDIR={temporary}",
    ]
    (folder / "sshd_config").write_text("\n".join(server) + "\n", encoding="utf-8")
    public = (folder / "host.pub").read_text(encoding="ascii")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}", encoding="ascii")
    client = [f"IdentityFile {folder / 'user'}", "IdentitiesOnly yes", f"UserKnownHostsFile {folder / 'known_hosts'}"]
    (folder / "ssh_config").write_text("\n".join(client) + "\n", encoding="utf-8")
    command = [*prefix, SSHD, "-D", "-e", "-f", str(folder / "sshd_config"), "-p", str(port)]
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_until_it_listens(port, process, folder / "sshd.log")
        yield Sshd(port, folder / "ssh_config", process, temporary)
    finally:
        process.terminate()
        process.wait(10)


def reason_to_skip() -> str:
    """Why there can be no sshd here, or ""."""
    if SSHD is None or shutil.which("ssh") is None:
        return "the ssh target is tested with an sshd: openssh-server and openssh-client are not installed"
    if os.geteuid() != 0:
        return "the ssh target logs in as root, so its tests need root"
    return ""


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"sshd did not come up:\n{log.read_text(errors='replace')}")
