"""What a process gives up before it touches a received file.

Linux holds all of it; other systems hold the resource limits.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

from heirloom.media.limits import MEGABYTE, Allowance

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None
# linux/prctl.h and linux/sched.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


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


def confine(allowance: Allowance, *, most_open_files: int) -> None:
    """Hold this process to its allowance: it can write no file beyond it, dump no core and gain no right."""
    address_space_bytes = _address_space_bytes()  # before this process's own /proc is closed to it
    if _libc is not None:
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, allowance.file_mb * MEGABYTE)
    _lower(resource.RLIMIT_CPU, allowance.cpu_s)
    memory = resource.RLIMIT_DATA if allowance.reserves else resource.RLIMIT_AS
    _lower(memory, address_space_bytes + allowance.memory_mb * MEGABYTE)
    _lower(resource.RLIMIT_NOFILE, most_open_files)


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
