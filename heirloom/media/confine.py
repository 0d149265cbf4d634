"""What a process gives up before it touches a received file.

Linux holds all of it; other systems hold the resource limits.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from heirloom.media.landlock import close_files
from heirloom.media.limits import MEGABYTE, Allowance
from heirloom.media.syscalls import hold_system_calls

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None
# linux/prctl.h and linux/sched.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
SYSTEM_FILES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
DRIVER_FILES = (
    "/sys",
    "/proc/driver",
    "/proc/self",
    "/proc/devices",
    "/proc/modules",
    "/proc/cpuinfo",
    "/proc/meminfo",
)
"""What NVIDIA's driver reads of the machine."""
OWN_THREADS = Path("/proc/self/task")
"""CUDA does not start where it may not name its own threads (seen on an H100, driver 580)."""
STANDS_BACK = 10
"""Added to the niceness of a child that nobody waits for: it gets about a tenth of what another gets."""


def drop_network() -> bool:
    """Move this process, and all it will start, to a network with no way out. Return False where that is forbidden."""
    if _libc is None:
        return False
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    return bool(_libc.unshare(flags) == 0)


def die_with(parent: int) -> None:
    """End this process when its parent ends, even by kill -9."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def confine(
    allowance: Allowance, *, most_open_files: int, program: Path | None = None, given: Sequence[int] = ()
) -> None:
    """Hold this process, and the program it becomes, to its allowance and to its own files.

    It can write no file beyond the allowance, dump no core and gain no right. Where the system can hold that, it can
    open no file but those of the program and the ones given, and make no system call that decoding does not take; the
    program of an allowance that `reserves` may reach the graphics card instead, whose driver takes more.
    """
    address_space_bytes = _address_space_bytes()  # before this process's own /proc is closed to it
    if _libc is not None:
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        driven = [*Path("/dev").glob("nvidia*"), OWN_THREADS] if allowance.reserves else []
        close_files(run=_installed(program, allowance) if program else (), change=driven, given=given)
    if allowance.stands_back:
        os.nice(STANDS_BACK)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, allowance.file_mb * MEGABYTE)
    _lower(resource.RLIMIT_CPU, allowance.cpu_s)
    memory = resource.RLIMIT_DATA if allowance.reserves else resource.RLIMIT_AS
    _lower(memory, address_space_bytes + allowance.memory_mb * MEGABYTE)
    _lower(resource.RLIMIT_NOFILE, most_open_files)
    if not allowance.reserves:
        hold_system_calls()


def what_holds() -> frozenset[str]:
    """Return what this system can keep from a child: of "network", "files" and "system calls". Tried in a process."""
    command = [sys.executable, "-m", __name__]
    tried = subprocess.run(command, cwd=_SOURCE_ROOT, capture_output=True, text=True, check=True, timeout=20)
    return frozenset(tried.stdout.splitlines())


def _try_all() -> Iterator[str]:
    if _libc is None:
        return
    network = drop_network()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if close_files():
        yield "files"
    if hold_system_calls():
        yield "system calls"
        network = True  # no socket can be made
    if network:
        yield "network"


def _installed(program: Path, allowance: Allowance) -> Iterator[Path]:
    """Give what a program needs to run: its own folder, or the tree whose bin/ it stands in, and the system's."""
    folder = program.resolve().parent
    yield folder.parent if folder.name == "bin" else folder
    yield from (Path(path) for path in SYSTEM_FILES)
    if allowance.reserves:
        yield from (Path(path) for path in DRIVER_FILES)


def _lower(limit: int, value: int) -> None:
    _soft, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(limit, (value, value))
    except (OSError, ValueError):
        if _LINUX:  # macOS does not hold RLIMIT_AS, and says so
            raise


def _address_space_bytes() -> int:
    if not _LINUX:
        return 0
    pages = Path("/proc/self/statm").read_bytes().split()[0]
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    print(*_try_all(), sep="\n")  # noqa: T201  # what `what_holds` reads
