"""A program that a model wrote, run where it can do no harm: no network, no file written but in a folder thrown away.

    passes("def double(x): return 2 * x", "assert double(2) == 4")

Linux alone: Landlock keeps it from writing, a network namespace (or Landlock) from connecting, limits from taking memory and
time. Where the kernel has neither, nothing is run. It can read what we can read, and tell nobody.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache

from tamis.errors import UsageError

SECONDS = 10.0
"""Wall time of one program."""

MEMORY = 1 << 30
"""Bytes of address space of one program."""

# Runs in a bare Python of its own. Rules hold from the last line of `shut` on and cannot be taken back, by root neither: the
# process has given up its capabilities with its user namespace.
_INSIDE = r"""
import ctypes, os, resource, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    return libc.syscall(ctypes.c_long(number), *args)
def shut(folder):
    alone = libc.unshare(0x10000000 | 0x40000000) == 0
    version = call(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1 or not (alone or version >= 4):
        return "the kernel has no Landlock" if version < 1 else "no network namespace can be made"
    writes = 0b1111111110010
    if version >= 2: writes |= 1 << 13
    if version >= 3: writes |= 1 << 14
    rule = struct.pack("QQ", writes, 3 if version >= 4 else 0)
    rules = call(444, rule, ctypes.c_size_t(16 if version >= 4 else 8), ctypes.c_uint32(0))
    here = os.open(folder, os.O_PATH)
    done = rules < 0 or call(445, rules, ctypes.c_int(1), struct.pack("=Qi", writes, here), ctypes.c_uint32(0))
    libc.prctl(38, 1, 0, 0, 0)
    if done or call(446, rules, ctypes.c_uint32(0)):
        return "Landlock refused its rules"
    return ""
def main():
    told = os.fdopen(os.dup(1), "w")
    token, seconds, memory = sys.stdin.readline().split()
    program = sys.stdin.read()
    for what, most in ((resource.RLIMIT_CPU, int(seconds)), (resource.RLIMIT_AS, int(memory)),
                       (resource.RLIMIT_FSIZE, 1 << 20), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 64)):
        resource.setrlimit(what, (most, most))
    if why := shut(os.getcwd()):
        told.write("refused " + why)
        told.close()
        os._exit(9)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for stream in (1, 2):
        os.dup2(os.open("out", os.O_WRONLY | os.O_CREAT), stream)
    exec(compile(program, "answer", "exec"), {"__name__": "__main__"})
    told.write("passed " + token)
    told.close()
main()
"""


def passes(response: str, tests: str, seconds: float = SECONDS) -> tuple[bool, str | None]:
    """Whether the code in `response` passes `tests`, and why not: both as one program, which ends without an error.

    Where `tests` has `{{ response }}` in it, the code is put there, else before it. Raises UsageError where there is no sandbox.
    """
    ready()
    return _run(response, tests, seconds)


def ready() -> None:
    """See that there is a sandbox. Raises UsageError."""
    if why := refused():
        raise UsageError(f"{why}, so no program of a model is run here; leave pass@k out, or use Linux 5.13 or newer")


@cache
def refused() -> str | None:
    """Why there is none; None: there is one."""
    if sys.platform != "linux":
        return f"there is no sandbox on {sys.platform}"
    passed, why = _run("", "", SECONDS)
    return None if passed else why or "the sandbox does not start"


def _run(response: str, tests: str, seconds: float) -> tuple[bool, str | None]:
    program = tests.replace("{{ response }}", response) if "{{ response }}" in tests else f"{response}\n\n{tests}"
    token = secrets.token_hex(16)
    head = f"{token} {int(seconds) + 1} {MEMORY}\n"
    with tempfile.TemporaryDirectory(prefix="tamis-sandbox-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _INSIDE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={"PATH": "", "HOME": folder, "TMPDIR": folder},
            start_new_session=True,
        )
        try:
            told, said = process.communicate((head + program).encode("utf-8", "replace"), timeout=seconds)
        except subprocess.TimeoutExpired:
            return False, f"it did not end within {seconds:g} s"
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started, too
            process.kill()
            process.communicate()
        if told == f"passed {token}".encode():
            return True, None
        if told.startswith(b"refused "):
            return False, told.removeprefix(b"refused ").decode()
        with suppress(OSError), open(os.path.join(folder, "out"), "rb") as out:
            said = said + out.read(100_000)
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return False, lines[-1][:200] if lines else f"it ended with {process.returncode} and passed no test"
