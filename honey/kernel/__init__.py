# SPDX-License-Identifier: Apache-2.0
"""The kernel's facts, read one by one from data files: nothing is loaded until it is asked for.

==================  ==================================================================================
``types``           ``struct("sockaddr_in")`` with members, offsets, bit-fields, C header; ``enum``, ``typedef``,
                    ``members_of(type)`` for the struct behind a field, ``names()``, ``source()``
``layout``          the types as values (``KernelInt``, ``KernelPointer``, ``KernelStructRef``, ...),
                    ``resolve`` (typedefs away), ``big_endian_bits``, ``honey_name`` (``"be16"``),
                    ``pointee``, ``spell`` (C declaration), ``spell_field``
``syscalls``        ``signature("sendto")``: number, arguments with types
``tracepoints``     ``find("sched/sched_switch")``: the context's struct and fields, dynamic ones too
``functions``       ``signature("tcp_sendmsg")``, ``lsm_hook``, ``raw_tracepoint``, ``iterator``
``helpers``         ``helper("bpf_ktime_get_ns")``: number, prototype, roles of arguments, GPL, since;
                    ``helper(...).allowed_in("xdp")``
``constants``       ``value("IPPROTO_UDP")``
``sections``        ``parse("tracepoint/syscalls/sys_enter_sendto")``: program type, context, target
==================  ==================================================================================

Every module has ``names()`` for suggestions on misspelt names; it decodes a list of names and nothing else.
An unknown name gives ``None``; a missing or foreign data file raises ``table.TableError``.
The data in ``data/`` is written by ``python -m honey.kernel.generate`` and names its source in its first line.
"""
