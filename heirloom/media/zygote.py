"""The process that forks one limited child for each received file: `python -m heirloom.media.zygote FD`.

It imports the decoders once, so a child costs a fork and not their import. It is single-threaded, holds no secret
(`sandbox` starts it with an environment of its own), and ends when the other end of FD closes, which is when its
parent ends.

One order on FD is wall time and processor time, with two descriptors or more beside them: the job's socket,
the socket that is told how the child ended, and files the job may read or write. The child reads its request from the
job's socket and answers there.
"""

import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from heirloom.errors import Refusal
from heirloom.media import confine, decode, demux, still
from heirloom.media.limits import Allowance, Limits
from heirloom.media.plan import Wanted
from heirloom.media.wire import ENDED, FAULT, LENGTHS, MOST_DESCRIPTORS, ORDER, exactly

Outcome = tuple[dict[str, Any], bytes | memoryview]
"""One answer of a job: what is told in JSON, and the bytes beside it."""

ORPHAN_CHECK_MS = 1000
MOST_SERVER_DESCRIPTORS = 1024
NEARLY_ALL = 0.75
"""The system counts processor time in two ways; one it ended for using it up has used this share by the other."""


@dataclass(frozen=True, slots=True)
class Child:
    status: socket.socket
    ends_at: float
    cpu_s: float


def main(control_fd: int) -> None:
    """Serve until the other end of control_fd closes."""
    confine.drop_network()
    gc.collect()
    gc.freeze()
    wake_reader, wake_writer = socket.socketpair()
    wake_reader.setblocking(False)
    wake_writer.setblocking(False)
    signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    Zygote(socket.socket(fileno=control_fd), wake_reader, os.getppid()).serve()
    signal.set_wakeup_fd(-1)  # children that end from here on wake nobody


class Zygote:
    def __init__(self, control: socket.socket, wake: socket.socket, parent: int) -> None:
        self.control, self.wake, self.parent = control, wake, parent
        self.children: dict[int, Child] = {}

    def serve(self) -> None:
        while os.getppid() == self.parent:
            ready = self._wait()
            if self.wake.fileno() in ready:
                self.wake.recv(4096)
            self._reap()
            self._kill_late_and_abandoned(ready)
            if self.control.fileno() in ready and not self._take_order():
                break
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)

    def _wait(self) -> dict[int, int]:
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.wake, select.POLLIN)
        for child in self.children.values():
            poller.register(child.status, 0)  # its closing alone: whoever ordered the job gave up
        first_end = min((child.ends_at for child in self.children.values()), default=float("inf"))
        wait_ms = min(ORPHAN_CHECK_MS, max(0.0, 1000 * (first_end - time.monotonic())))
        return dict(poller.poll(wait_ms + 1))

    def _reap(self) -> None:
        while self.children:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self.children.pop(pid, None)
            if child is not None:
                _tell(child, status, used.ru_utime + used.ru_stime)

    def _kill_late_and_abandoned(self, ready: dict[int, int]) -> None:
        now = time.monotonic()
        for pid, child in self.children.items():
            if child.ends_at <= now or child.status.fileno() in ready:
                os.kill(pid, signal.SIGKILL)

    def _take_order(self) -> bool:
        order, descriptors, _flags, _address = socket.recv_fds(self.control, ORDER.size, MOST_DESCRIPTORS)
        if len(order) < ORDER.size:
            return False
        wall_s, cpu_s = ORDER.unpack(order)
        job, status, *files = descriptors
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_child(zygote, job, files)
        for descriptor in (job, *files):
            os.close(descriptor)
        self.children[pid] = Child(socket.socket(fileno=status), time.monotonic() + wall_s, cpu_s)
        return True


def _tell(child: Child, status: int, cpu_s: float) -> None:
    with child.status:
        try:
            late = child.ends_at <= time.monotonic()
            child.status.send(ENDED.pack(status, late, cpu_s >= child.cpu_s * NEARLY_ALL))
        except (BrokenPipeError, ConnectionResetError):
            return  # whoever ordered the job has gone


def _become_child(zygote: int, job: int, files: list[int]) -> NoReturn:
    """Do the job and end; never return to the server's loop."""
    try:
        confine.die_with(zygote)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _close_all_but({job, *files})
        _do(socket.socket(fileno=job), files)
        os._exit(0)
    finally:
        os._exit(FAULT)


def _close_all_but(kept: set[int]) -> None:
    """Close what the server holds: other jobs' sockets must not stay open here."""
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, first + MOST_SERVER_DESCRIPTORS)


def _do(job: socket.socket, files: list[int]) -> None:
    text_bytes, payload_bytes = LENGTHS.unpack(exactly(job, LENGTHS.size))
    request = json.loads(exactly(job, text_bytes))
    payload = exactly(job, payload_bytes)
    allowance = Allowance(**request["allowance"])
    if request["name"] == "program":
        _exec_program(request["argv"], allowance, job, files)
    for facts, answer in _outcomes(request, payload, files, allowance):
        text = json.dumps(facts).encode()
        job.sendall(LENGTHS.pack(len(text), len(answer)) + text)
        job.sendall(answer)


def _outcomes(request: dict[str, Any], payload: bytearray, files: list[int], allowance: Allowance) -> Iterator[Outcome]:
    try:
        confine.confine(allowance, most_open_files=0)
        yield from JOBS[request["name"]](request, payload, files)
    except Refusal as refusal:
        yield {"refusal": refusal.code, "detail": refusal.detail}, b""
    except MemoryError:
        yield {"refusal": "too_much_memory", "detail": ""}, b""
    except Exception:  # noqa: BLE001  # carried whole over the process boundary, and raised again on the other side
        yield {"fault": traceback.format_exc()}, b""


def _exec_program(argv: list[str], allowance: Allowance, job: socket.socket, files: list[int]) -> NoReturn:
    """Become the program: its output goes to the job's socket, its errors to the first of `files`.

    The others, which it may read or write, are its descriptors 3 and up.
    """
    errors, *given = files
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and so would the program
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(job.fileno(), 1)
    os.dup2(errors, 2)
    end = PROGRAM_FIRST_FD + len(given)
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, end) for descriptor in given]
    for number, descriptor in enumerate(aside, start=PROGRAM_FIRST_FD):
        os.dup2(descriptor, number)
    os.closerange(end, end + 256)
    program_fds = range(PROGRAM_FIRST_FD, end)
    most = DRIVER_MOST_FILES if allowance.reserves else PROGRAM_MOST_FILES
    confine.confine(allowance, most_open_files=most, program=Path(argv[0]), given=program_fds)
    os.execv(argv[0], argv)  # noqa: S606  # the command is the transcoder's own, and there is no shell


def _still(request: dict[str, Any], payload: bytearray, _files: list[int]) -> Iterator[Outcome]:
    decoded = still.decode(bytes(payload), request["mime"], _limits(request))
    facts = asdict(decoded)
    yield facts, facts.pop("rgb")


def _probe(request: dict[str, Any], head: bytearray, files: list[int]) -> Iterator[Outcome]:
    with os.fdopen(files[0], "rb", buffering=0) as source:
        yield asdict(demux.read_facts(source, bytes(head), _limits(request))), b""


def _frames(request: dict[str, Any], _payload: bytearray, files: list[int]) -> Iterator[Outcome]:
    with os.fdopen(files[0], "rb", buffering=0) as source:
        for at_s, pixels in decode.read_frames(source, Wanted(**request["wanted"])):
            yield {"at_s": at_s}, pixels.data.cast("B")


def _limits(request: dict[str, Any]) -> Limits:
    return Limits(**request["limits"])  # its allowances hold already and are not sent


PROGRAM_FIRST_FD = 3
PROGRAM_MOST_FILES, DRIVER_MOST_FILES = 32, 256
JOBS: dict[str, Callable[[dict[str, Any], bytearray, list[int]], Iterator[Outcome]]] = {
    "still": _still,
    "probe": _probe,
    "frames": _frames,
}

if __name__ == "__main__":
    main(int(sys.argv[1]))
