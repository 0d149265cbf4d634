"""Leave this process only the system calls that decoding takes: seccomp, on Linux.

What is not named here is answered as if the system did not know it: no socket, no other process, no signal to one, no
tracing, no file made, renamed or removed, no limit raised.
Filters: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator

# Each call with its number on x86_64 and on aarch64, "-" where there is none: arch/x86/entry/syscalls/syscall_64.tbl
# and include/uapi/asm-generic/unistd.h of Linux.
_MEMORY_THREADS_TIME = """
    mmap 9 222, mprotect 10 226, munmap 11 215, brk 12 214, mremap 25 216, madvise 28 233, arch_prctl 158 -,
    rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, sigaltstack 131 132, restart_syscall 219 128,
    futex 202 98, set_robust_list 273 99, get_robust_list 274 100, set_tid_address 218 96, rseq 334 293,
    membarrier 324 283, sched_yield 24 124, sched_getaffinity 204 123, getcpu 309 168, exit 60 93, exit_group 231 94,
    nanosleep 35 101, gettimeofday 96 169, time 201 -, clock_gettime 228 113, clock_getres 229 114,
    clock_nanosleep 230 115, getrandom 318 278"""
_WHAT_IT_IS = """
    getpid 39 172, gettid 186 178, getppid 110 173, getuid 102 174, getgid 104 176, geteuid 107 175, getegid 108 177,
    uname 63 160, sysinfo 99 179, times 100 153, getrusage 98 165, getrlimit 97 163, getcwd 79 17, prctl 157 167"""
_FILES = """
    read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, lseek 8 62, close 3 57,
    fstat 5 80, newfstatat 262 79, stat 4 -, lstat 6 -, statx 332 291, fadvise64 221 223, fsync 74 82,
    ftruncate 77 46, fallocate 285 47, fcntl 72 25, ioctl 16 29, dup 32 23, dup2 33 -, dup3 292 24, pipe 22 -,
    pipe2 293 59, eventfd2 290 19, poll 7 -, ppoll 271 73, sendto 44 206, recvfrom 45 207, sendmsg 46 211,
    recvmsg 47 212, open 2 -, openat 257 56, access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -,
    readlinkat 267 78, getdents64 217 61, execve 59 221"""
"""What is open may be used; what may be opened, or run, the limit of open files and Landlock say."""
_CLONE, _TGKILL, _PRLIMIT64 = (56, 220), (234, 131), (302, 261)

# linux/audit.h
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# linux/bpf_common.h, linux/filter.h, linux/seccomp.h, linux/prctl.h, linux/sched.h
_LOAD, _IF_EQUAL, _IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERROR, _END_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_CLONE_THREAD = 0x00010000


def hold_system_calls() -> bool:
    """Leave this process and all it becomes, for good, those system calls alone. Return False where that cannot be.

    Needs PR_SET_NO_NEW_PRIVS.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _MACHINES:
        return False
    lines = b"".join(_filter(_MACHINES[machine], list(_MACHINES).index(machine)))
    kept = ctypes.create_string_buffer(lines, len(lines))
    program = struct.pack("HxxxxxxP", len(lines) // 8, ctypes.addressof(kept))
    return bool(ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(program), 0, 0) == 0)


def _filter(machine: int, column: int) -> Iterator[bytes]:
    """Give the lines of the filter; a jump counts the lines to leave out: if so, if not."""
    yield _line(_LOAD, _MACHINE_AT)
    yield _line(_IF_EQUAL, machine, 1, 0)
    yield _line(_RETURN, _END_PROCESS)
    yield _line(_LOAD, _NUMBER_AT)
    for call in f"{_MEMORY_THREADS_TIME},{_WHAT_IT_IS},{_FILES}".split(","):
        number = call.split()[1 + column]
        if number != "-":
            yield _line(_IF_EQUAL, int(number), 0, 1)
            yield _line(_RETURN, _ALLOW)
    yield from _held(_CLONE[column], (0, _IF_SET, _CLONE_THREAD))  # a thread, never a process
    yield from _held(_TGKILL[column], (0, _IF_EQUAL, os.getpid()))  # itself, to abort
    yield from _held(_PRLIMIT64[column], (4, _IF_EQUAL, 0), (5, _IF_EQUAL, 0))  # to read its limits, not to set any
    yield _line(_RETURN, _ERROR | errno.ENOSYS)


def _held(number: int, *conditions: tuple[int, int, int]) -> Iterator[bytes]:
    """Give the lines that allow a call under conditions: half of an argument, counted from 0; the test; its value."""
    rest = 2 * len(conditions)
    yield _line(_IF_EQUAL, number, 0, rest + 2)
    for half, test, value in conditions:
        rest -= 2
        yield _line(_LOAD, _ARGUMENTS_AT + 4 * half)
        yield _line(test, value, 0, rest + 1)
    yield _line(_RETURN, _ALLOW)
    yield _line(_RETURN, _ERROR | errno.EPERM)


def _line(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_so, if_not, value)
