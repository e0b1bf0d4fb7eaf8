# SPDX-License-Identifier: Apache-2.0
"""An archive of mainline builds on the loopback, laid out as the real one, that can be made to misbehave."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STAMP = "202110312130"


@dataclass
class Archive:
    """The served ``folder``. ``asked`` collects what was asked for: path, and from which byte on.

    A file's transfer breaks off ``breaks`` times, each after half of what was left.
    """

    folder: Path
    address: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)
    breaks: int = 0

    def add(
        self, version: str, image: bytes, *, below: str = "amd64/", modules: dict[str, bytes] | None = None
    ) -> None:
        """A build of ``version`` (``5.15.0``), in the folder ``v5.15`` as its tag is called."""
        place = self.folder / f"v{version.removesuffix('.0')}" / below
        major, minor, patch = version.split(".")
        number = f"{version}-{int(major):02}{int(minor):02}{int(patch):02}"
        files = {f"boot/vmlinuz-{number}-generic": image}
        self._package(place, f"linux-image-unsigned-{number}-generic", number, files)
        inside = f"lib/modules/{number}-generic/kernel"
        of_modules = {f"{inside}/{name}": data for name, data in (modules or {"readme": b""}).items()}
        self._package(place, f"linux-modules-{number}-generic", number, of_modules)
        self._package(place, f"linux-headers-{number}-generic", number, {"usr/src/none": b""})
        self.write_sums(place)

    def write_sums(self, place: Path) -> None:
        """``CHECKSUMS`` of the packages in ``place``: SHA-1 first, as the real one has it."""
        lines = []
        for kind in ("sha1", "sha256"):
            lines.append(f"# Checksums-{kind.title()}:")
            lines += [
                f"{hashlib.new(kind, path.read_bytes()).hexdigest()}  {path.name}" for path in place.glob("*.deb")
            ]
        (place / "CHECKSUMS").write_text("\n".join(lines) + "\n")

    @staticmethod
    def _package(place: Path, name: str, number: str, files: dict[str, bytes]) -> None:
        place.mkdir(parents=True, exist_ok=True)
        tree = place / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        control = f"Package: {name}\nVersion: {number}.{STAMP}\nArchitecture: amd64\nMaintainer: none\nDescription: x\n"
        (tree / "DEBIAN/control").write_text(control)
        for path, data in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
        output = place / f"{name}_{number}.{STAMP}_amd64.deb"
        # Unpacked size is what matters here, so that a transfer can be broken off in its middle.
        command = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(output)]
        subprocess.run(command, check=True, capture_output=True)
        subprocess.run(["rm", "-r", str(tree)], check=True)


@contextmanager
def served(archive: Archive) -> Iterator[Archive]:
    """Serve it, and give it its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = archive.folder / self.path.lstrip("/")
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            archive.asked.append((self.path, start))
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            if start >= len(data) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            rest = data[start:]
            if path.suffix == ".deb" and archive.breaks > 0:
                archive.breaks -= 1
                self.wfile.write(rest[: len(rest) // 2])
                self.close_connection = True
                return
            self.wfile.write(rest)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            archive.address = f"http://127.0.0.1:{server.server_port}"
            yield archive
        finally:
            server.shutdown()
            thread.join()
