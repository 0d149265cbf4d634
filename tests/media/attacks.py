"""What a decoder might try that a file has taken over. Runs by itself, with the standard library alone.

Arguments: a file that it may not touch, and the process it would like to harm. Prints a line for each attack: its name,
and "done" or why not. The last one, if it succeeds, leaves nobody to print its line.
"""

import ctypes
import os
import platform
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

VICTIM, PROCESS = Path(sys.argv[1]), int(sys.argv[2])
# ptrace, process_vm_readv, unshare, shmget, io_uring_setup: on x86_64, on aarch64
NUMBERS = ((101, 117), (310, 270), (272, 97), (29, 194), (425, 425))
PTRACE, READ_MEMORY, UNSHARE, SHARE_MEMORY, RING = (pair[platform.machine() == "aarch64"] for pair in NUMBERS)
ATTACH, NEW_MOUNTS, GIGABYTE = 16, 0x00020000, 2**30
libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: int) -> int:
    answer = int(libc.syscall(*(ctypes.c_long(one) for one in (number, *arguments))))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def start_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def take_memory() -> None:
    bytearray(3 * GIGABYTE)


def raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


ATTACKS: dict[str, Callable[[], object]] = {
    "start_thread": start_thread,
    "fork": fork,
    "take_memory": take_memory,
    "raise_limit": raise_limit,
    "starve_process": lambda: resource.prlimit(PROCESS, resource.RLIMIT_NOFILE, (0, 0)),
    "signal_process": lambda: os.kill(PROCESS, signal.SIGSTOP),
    "signal_by_descriptor": lambda: os.pidfd_open(PROCESS),
    "trace_process": lambda: call(PTRACE, ATTACH, PROCESS, 0, 0),
    "read_memory_of_process": lambda: call(READ_MEMORY, PROCESS, 0, 0, 0, 0, 0),
    "open_memory_of_process": lambda: os.open(f"/proc/{PROCESS}/mem", os.O_RDWR),
    "read_environment_of_process": lambda: os.open(f"/proc/{PROCESS}/environ", os.O_RDONLY),
    "slow_process": lambda: os.setpriority(os.PRIO_PROCESS, PROCESS, 19),
    "read_file": lambda: os.open(VICTIM, os.O_RDONLY),
    "write_file": lambda: os.open(VICTIM, os.O_WRONLY),
    "cut_file": lambda: os.truncate(VICTIM, 0),
    "change_mode": lambda: VICTIM.chmod(0o777),
    "rename_file": lambda: VICTIM.rename(f"{VICTIM}.moved"),
    "remove_file": VICTIM.unlink,
    "link_file": lambda: os.link(VICTIM, f"{VICTIM}.linked"),
    "make_link": lambda: Path(f"{VICTIM}.link").symlink_to("/etc/passwd"),
    "make_folder": lambda: Path(f"{VICTIM}.folder").mkdir(),
    "make_file": lambda: os.open(f"{VICTIM}.made", os.O_WRONLY | os.O_CREAT),
    "list_folder": lambda: list(VICTIM.parent.iterdir()),
    "read_passwords": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "connect_here": lambda: socket.socket(socket.AF_UNIX),
    "pair_of_sockets": socket.socketpair,
    "share_memory": lambda: call(SHARE_MEMORY, 0, 4096, 0o1600),
    "queue_calls": lambda: call(RING, 8, 0),
    "new_mounts": lambda: call(UNSHARE, NEW_MOUNTS),
    "new_root": lambda: os.chroot("/"),
    "run_program": lambda: os.execv("/bin/true", ["true"]),
}


def outcome(attack: Callable[[], object]) -> str:
    try:
        attack()
    except (OSError, MemoryError, ValueError, RuntimeError) as error:
        return type(error).__name__
    return "done"


if __name__ == "__main__":
    for name, attack in ATTACKS.items():
        os.write(1, f"{name} {outcome(attack)}\n".encode())
