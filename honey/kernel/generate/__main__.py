# SPDX-License-Identifier: Apache-2.0
"""Writes the kernel's facts anew from a kernel, which it boots in QEMU, and from this machine's C headers.

It needs the packages clang, qemu-system-x86, busybox-static, linux-libc-dev, libc6-dev, libbpf-dev and libbpf1, on
x86-64 Debian; the same packages give the same files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from honey.kernel.generate import (
    btf,
    cases,
    collect,
    constants,
    functions,
    headers,
    helpers,
    sections,
    syscalls,
    tracepoints,
    types,
)
from honey.kernel.generate.image import KernelImage, vmlinux
from honey.kernel.generate.prototypes import Prototypes
from honey.kernel.generate.table import write_table
from honey.kernel.table import DATA_FOLDER

PACKAGE = "linux-image-6.1.0-56-amd64"
HEADER_PACKAGES = ("linux-libc-dev", "libc6-dev")
LIBBPF_PACKAGES = ("libbpf-dev", "libbpf1")


def main(arguments: list[str]) -> int:
    """Runs the command; 0 when all files are written, 2 with a message when that could not be done."""
    parser = argparse.ArgumentParser(prog="python -m honey.kernel.generate", description=__doc__)
    parser.add_argument("--package", default=PACKAGE, help="Debian kernel package to take (default: %(default)s)")
    parser.add_argument("--image", type=Path, help="a bzImage with BTF to take instead")
    output = Path(DATA_FOLDER)
    parser.add_argument("--output", type=Path, default=output, help="folder to write to (default: the package's)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="honey-kernel-") as name:
        folder = Path(name)
        try:
            if options.image is not None:
                image, source = options.image, options.image.name
            else:
                image, source = _download(options.package, folder)
            generate(image, source, output=options.output, folder=folder)
        except (OSError, ValueError, subprocess.SubprocessError, collect.CollectError) as error:
            print(f"{parser.prog}: {error}", file=sys.stderr)
            return 2
    return 0


def generate(image_path: Path, source: str, *, output: Path, folder: Path) -> None:
    """Writes every data file to ``output``; ``source`` names the kernel in them, ``folder`` is for working files."""
    image = KernelImage(vmlinux(image_path))
    kernel = btf.parse(image.btf())
    kinds = sections.section_kinds(kernel)
    probes = cases.probe_cases(kinds, kernel)
    found = helpers.definitions()
    distinct = sorted(set(probes.values()))
    collected = collect.collect(image_path, folder, [(len(found), *case) for case in distinct])
    lines = dict(zip(distinct, collected.helpers, strict=True))
    allowed = {kind: lines[case] for kind, case in probes.items() if lines[case] != "?"}

    uapi, libbpf = _versions(*HEADER_PACKAGES), _versions(*LIBBPF_PACKAGES)
    type_records = types.type_records(kernel, headers.header_structs())
    syscall_records = syscalls.syscall_records(collected.formats, type_records)
    types.mark_arguments(type_records, syscall_records)
    prototypes = Prototypes(kernel, type_records, collected.symbols, image, [definition.name for definition in found])

    tables = {
        "types": (type_records, f"BTF of {source}; {uapi}"),
        "functions": (functions.function_records(kernel), f"BTF of {source}"),
        "syscalls": (syscall_records, f"tracefs of {source}; {uapi}"),
        "tracepoints": (
            tracepoints.tracepoint_records(collected.formats, collected.symbols, image, type_records),
            f"tracefs and data of {source}",
        ),
        "constants": (constants.constant_records(headers.header_constants(), kernel), f"{uapi}; BTF of {source}"),
        "helpers": (
            helpers.helper_records(type_records, prototypes, allowed, found),
            f"{libbpf}; data and behaviour of {source}",
        ),
    }
    for name, (records, origin) in tables.items():
        write_table(output / f"{name}.bin", records, title=name, source=origin)
        print(f"{name}: {len(records)} records")
    document = {
        "source": f"{libbpf}; BTF of {source}",
        "helpers_known": sorted(allowed),
        "kinds": kinds,
    }
    (output / "sections.json").write_text(json.dumps(document, indent=1) + "\n")
    print(f"sections: {len(kinds)} kinds, helpers known for {len(allowed)}")


def _download(package: str, folder: Path) -> tuple[Path, str]:
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
    archive = next(folder.glob("*.deb"))
    subprocess.run(["dpkg", "-x", str(archive), str(folder / "package")], check=True)
    fields = subprocess.run(["dpkg-deb", "-W", str(archive)], check=True, capture_output=True, text=True).stdout.split()
    return next((folder / "package" / "boot").glob("vmlinuz-*")), f"Debian {fields[0]} {fields[1]}"


def _versions(*packages: str) -> str:
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages]
    return "Debian " + subprocess.run(query, check=True, capture_output=True, text=True).stdout.rstrip(", ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
