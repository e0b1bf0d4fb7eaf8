# SPDX-License-Identifier: Apache-2.0
"""The six things that a port of a real program needs, each at three levels.

For every feature: the C that is emitted reads as a person would have written it, the kernel's verifier accepts the
object, and real system calls of this process have the effect on its map that the source says.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.agent.attach import attach_side
from harness.agent.libbpf import Libbpf
from harness.agent.load import load_side
from harness.agent.maps import dump, possible_cpus
from harness.agent.mounts import kernel_file_systems
from honey import compiler
from honey.syntax.source import SourceFile

PORT = 40_053
ADDRESS = ("127.0.0.1", PORT)


@dataclass(frozen=True)
class Feature:
    """A program, what its C must contain (white space aside), and what its map holds after ``work``."""

    body: str
    c: tuple[str, ...]
    work: Callable[[], None]
    entries: Callable[[], dict[bytes, bytes]]


def send(*payloads: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for payload in payloads:
            sender.sendto(payload, ADDRESS)


def send_from_nowhere() -> None:
    """One datagram as usual, one with an address that cannot be read."""
    libc = ctypes.CDLL(None, use_errno=True)
    send(b"12345")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        assert libc.sendto(sender.fileno(), b"123", 3, 0, ctypes.c_void_p(8), 16) == -1


def pid() -> bytes:
    return struct.pack("<I", os.getpid())


def number(value: int) -> bytes:
    return struct.pack("<Q", value)


FEATURES = {
    "composite keys": Feature(
        """
  defstruct :flow do
    field(:pid, :u32)
    field(:protocol, :u8)
    field(:port, :u16)
    field(:ip, :be32)
  end

  defmap(:out, :bpf_hash, key_type: :flow, value_type: :u64, max_entries: 4096)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def on_sendto(ctx) do
    key = %flow{pid: get_current_pid_tgid() >>> 32}
    key.protocol = :IPPROTO_UDP
    Honey.Map.add(:out, key, ctx.len)
    0
  end
""",
        ("__u8 __pad2[1];", "__type(key, struct flow);", "bpf_map_lookup_elem(&out, &"),
        lambda: send(b"12345", b"12"),
        lambda: {pid() + bytes([17, 0, 0, 0, 0, 0, 0, 0]): number(7)},
    ),
    "reads of user memory": Feature(
        """
  defmap(:out, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 4096)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def on_sendto(ctx) do
    address = probe_read_user(ctx.addr, :sockaddr_in)
    if address == nil, do: return(0)
    if address.sin_family != :AF_INET, do: return(0)
    Honey.Map.add(:out, get_current_pid_tgid() >>> 32, ctx.len)
    0
  end
""",
        ("struct sockaddr_in address;", "bpf_probe_read_user(&address, sizeof(address),", "AF_INET"),
        send_from_nowhere,
        lambda: {pid(): number(5)},
    ),
    "system call tracepoints": Feature(
        """
  defmap(:out, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 4096)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def on_sendto(ctx) do
    if ctx.args[2] != ctx.len, do: return(1)
    bpf_map_update_elem(:out, get_current_pid_tgid() >>> 32, ctx.len * 1000 + ctx.addr_len)
    0
  end
""",
        ("struct trace_event_raw_sys_enter *ctx", "ctx->args[2]", "bpf_get_current_pid_tgid() >> 32"),
        lambda: send(b"12345"),
        lambda: {pid(): number(5016)},
    ),
    "byte order": Feature(
        """
  alias Honey.Net

  defstruct :peer do
    field(:pid, :u32)
    field(:port, :u16)
    field(:wire, :be16)
    field(:ip, :u32)
  end

  defmap(:out, :bpf_hash, key_type: :peer, value_type: :u64, max_entries: 4096)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def on_sendto(ctx) do
    address = probe_read_user(ctx.addr, :sockaddr_in)
    if address == nil || address.sin_addr.s_addr != Net.htonl(0x7F000001), do: return(0)

    key = %peer{
      pid: get_current_pid_tgid() >>> 32,
      port: Net.ntohs(address.sin_port),
      wire: Net.htons(0x1234),
      ip: Net.ntohl(address.sin_addr.s_addr) &&& 0xFF000000
    }

    Honey.Map.add(:out, key, 1)
    0
  end
""",
        ("bpf_ntohs(address.sin_port)", "bpf_ntohl(address.sin_addr.s_addr)"),
        lambda: send(b"1"),
        lambda: {pid() + struct.pack("<H", PORT) + b"\x12\x34" + struct.pack("<I", 0x7F000000): number(1)},
    ),
    "several maps": Feature(
        """
  defmap(:by_size, :bpf_hash, key_type: :u64, value_type: :u64, max_entries: 4096)
  defmap(:out, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 4096)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def on_sendto(ctx) do
    count(:by_size, ctx.len)
    earlier = bpf_map_lookup_elem(:by_size, ctx.len, 0)
    bpf_map_update_elem(:out, get_current_pid_tgid() >>> 32, earlier)
    0
  end

  defp count(map, key), do: Honey.Map.add(map, key, 1)
""",
        ('} by_size SEC(".maps");', '} out SEC(".maps");', "bpf_map_lookup_elem(&by_size,"),
        lambda: send(b"x" * 977, b"x" * 977, b"x" * 977),
        lambda: {pid(): number(3)},
    ),
    "early exits": Feature(
        """
  defmap(:out, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 4096)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def on_sendto(ctx) do
    if ctx.len == 0, do: return(0)

    if ctx.len > 3 do
      if ctx.len == 5, do: return(0)
      if ctx.len > 100, do: return(0)
    end

    Honey.Map.add(:out, get_current_pid_tgid() >>> 32, ctx.len)
    0
  end
""",
        ("if (len == 0) return 0;", "if (len == 5) return 0;", "if (len > 100) return 0;"),
        lambda: send(b"", b"12345", b"x" * 200, b"123", b"1234"),
        lambda: {pid(): number(7)},
    ),
}


def source(feature: Feature) -> SourceFile:
    head = 'defmodule Feature do\n  use Honey, license: "GPL"\n  import Honey.BpfHelpers\n'
    return SourceFile.from_text(f"{head}{feature.body}end\n", "feature.ex")


@pytest.fixture(params=FEATURES, ids=lambda name: name.replace(" ", "-"))
def feature(request: pytest.FixtureRequest) -> Feature:
    return FEATURES[request.param]


def test_the_c_reads_as_a_person_writes_it(feature: Feature) -> None:
    done = compiler.to_c(source(feature))
    assert done.c is not None, [found.message for found in done.diagnostics]
    text = re.sub(r"\s+", " ", re.sub(r"^#line.*\n", "", done.c.text, flags=re.MULTILINE))
    for expected in feature.c:
        assert expected in text


@pytest.mark.kernel
def test_it_loads_and_real_calls_have_their_effect(feature: Feature, tmp_path: Path) -> None:
    if os.geteuid() != 0 or not Path("/sys/kernel/btf/vmlinux").exists():
        pytest.skip("loading programs into this machine's kernel needs root and BTF")
    done = compiler.compile_source(source(feature), tmp_path / "feature.bpf.o")
    assert done.output is not None, done.problem
    with kernel_file_systems(), ExitStack() as release:
        side = load_side(Libbpf(), "feature", Path(done.output), pin_root=str(tmp_path), cpus=possible_cpus())
        release.callback(side.close)
        attach_side(side, None, release)
        feature.work()
        found = side.maps["out"]
        data, step, cut = dump(found), found.entry_bytes, found.info.key_size
        entries = {data[at : at + cut]: data[at + cut : at + step] for at in range(0, len(data), step)}
    own = {key: value for key, value in entries.items() if key.startswith(pid())}
    assert own == feature.entries()
