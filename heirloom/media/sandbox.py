"""Jobs on received files, each in a limited child process of its own (see `zygote` for the other side).

Safe to use from any thread. A forked process gets a fork server of its own at its first job.
"""

import atexit
import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from heirloom.errors import CODES, Refusal
from heirloom.media.limits import Allowance, Limits
from heirloom.media.wire import ENDED, FAULT, LENGTHS, ORDER, exactly

MOST_FACTS_BYTES = 8 * 2**20
CHILDREN_AT_ONCE = max(2, os.cpu_count() or 1)
"""More at once would not be faster, and each may use its whole allowance of memory."""
GRACE_S = 5.0
"""How much longer than the wall time the fork server is waited for: it is the one that ends a late child."""
ATTEMPTS = 3
"""How often a job is tried whose fork server is killed; one that is being killed may still take an order."""
FAULTS_OF_OURS = 500
"""From this status on a code says that we are at fault, which no file may make a child say."""
SOCKET_BUFFER_BYTES = 4 * 2**20
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class SandboxError(RuntimeError):
    """A decoder failed as no file should make it fail, or no fork server could be kept."""


class ServerLostError(Exception):
    """The fork server ended while it had a job; the job may be asked for again."""


@dataclass(frozen=True, slots=True)
class Answer:
    facts: Mapping[str, Any]
    payload: bytearray


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. signal_number is 0 if it ended by itself; late, spent: its wall or processor time ran out."""

    exit_code: int
    signal_number: int
    late: bool = False
    spent: bool = False

    @property
    def limit(self) -> str:
        """The code of the limit that ended it; "" if none did."""
        if self.late:
            return "too_much_time"
        if self.signal_number == signal.SIGXFSZ:
            return "too_many_bytes"
        if self.signal_number not in {signal.SIGXCPU, signal.SIGKILL}:
            return ""
        return "too_much_cpu_time" if self.spent else "too_much_memory"  # the system kills what it has no memory for

    def reason(self, broken: str) -> Refusal | SandboxError:
        """Return what to raise for a child that ended without an answer. broken: the code of a file that broke it."""
        if self.exit_code == FAULT:
            return SandboxError("the child could not be set up")
        return Refusal(self.limit or broken)


class ForkServer:
    """The running zygote, started at the first order and again when it was lost."""

    def __init__(self) -> None:
        self.slots = threading.BoundedSemaphore(CHILDREN_AT_ONCE)
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        with self._lock:
            self._started()

    def order(self, allowance: Allowance, descriptors: Sequence[int]) -> None:
        """Have a child forked that gets these descriptors: its job's socket, the socket told of its end, its files."""
        order = ORDER.pack(allowance.wall_s, allowance.cpu_s)
        with self._lock:
            try:
                socket.send_fds(self._started(), [order], descriptors)
            except (BrokenPipeError, ConnectionResetError):
                self._stop()  # it ended since its last order
                socket.send_fds(self._started(), [order], descriptors)

    def stop(self) -> None:
        """End the server and the children it has."""
        with self._lock:
            self._stop()

    def forget(self) -> None:
        """Let go of a server that belongs to the process this one was forked from."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # not this process's to wait for

    def _started(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._stop()
        mine, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "heirloom.media.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # a Ctrl-C is its parent's to act on
            )
        self._control = mine
        return mine

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _environment() -> dict[str, str]:
    """Return what the fork server may know: nothing of the product's configuration, and no keys."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return kept | single | {"PYTHONPATH": str(_SOURCE_ROOT), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


_server = ForkServer()


def _after_fork() -> None:
    global _server  # noqa: PLW0603  # one fork server for each process
    _server.forget()
    _server = ForkServer()


os.register_at_fork(after_in_child=_after_fork)


def start() -> None:
    """Start the fork server now, so that the first job need not wait for it (about half a second)."""
    _server.start()


def stop() -> None:
    """End the fork server and the jobs it has; the next job starts another."""
    _server.stop()


atexit.register(stop)


def server_pid() -> int | None:
    """Return the process id of the fork server, or None before the first job."""
    return _server.pid


def call(
    name: str,
    facts: Mapping[str, Any],
    *,
    limits: Limits,
    allowance: Allowance,
    broken: str,
    payload: bytes = b"",
    source: int | None = None,
) -> Answer:
    """Do the job `name` of `zygote.JOBS` in a child, and return its only answer. Parameters and errors: `stream`."""
    answers = stream(
        name, facts, most=1, limits=limits, allowance=allowance, broken=broken, payload=payload, source=source
    )
    with contextlib.closing(answers):
        for answer in answers:
            return answer
    raise SandboxError(f"the job {name} gave no answer")


def stream(
    name: str,
    facts: Mapping[str, Any],
    *,
    most: int,
    limits: Limits,
    allowance: Allowance,
    broken: str,
    payload: bytes = b"",
    source: int | None = None,
) -> Generator[Answer]:
    """Do the job `name` of `zygote.JOBS` in a child, and yield its answers as they come.

    most: how many it may give. payload: bytes sent along. source: a descriptor the child may read, needed to the end.
    A child that a file brought down after some answers has given those, and that is the end of them.
    Raises the Refusal the job raised; Refusal too_much_time, too_much_cpu_time or too_much_memory when the allowance
    was used up; Refusal `broken` when the file brought the decoder down before any answer; SandboxError otherwise.
    """
    request = {"name": name, "limits": _plain(limits), "allowance": asdict(allowance), **facts}
    files = [] if source is None else [source]
    given = 0
    for _attempt in range(ATTEMPTS):
        with contextlib.suppress(ServerLostError), _child(files, allowance) as (job, told):
            for number, answer in enumerate(_answers(job, told, request, payload, broken), start=1):
                if number > most:
                    raise Refusal(broken)  # a child that a file took over gives more than it was asked for
                if number > given:  # what an earlier attempt gave is not given again
                    given = number
                    yield answer
            return
    raise SandboxError("the fork server was lost again and again")


def _plain(limits: Limits) -> dict[str, Any]:
    return {name: value for name, value in asdict(limits).items() if not isinstance(value, dict)}


@contextlib.contextmanager
def _child(files: Sequence[int], allowance: Allowance) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Have a child forked; yield its job's socket and the one told of its end. Leaving the context ends the child."""
    server = _server
    place = contextlib.nullcontext() if allowance.stands_back else server.slots
    with place, contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        job, job_theirs = socket.socketpair()
        told, tell = socket.socketpair()
        ours.enter_context(job)
        ours.enter_context(told)
        theirs.enter_context(job_theirs)
        theirs.enter_context(tell)
        for end in (job, job_theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        for end in (job, told):
            end.settimeout(allowance.wall_s + GRACE_S)
        server.order(allowance, [job_theirs.fileno(), tell.fileno(), *files])
        theirs.close()
        yield job, told


def _answers(
    job: socket.socket, told: socket.socket, request: Mapping[str, Any], payload: bytes, broken: str
) -> Iterator[Answer]:
    """Yield what a child answers until it ends."""
    answered = False
    try:
        _send(job, request, payload)
        while True:
            yield _answer(job, request, broken)
            answered = True
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        ended = how_ended(told)
        if not answered or ended.limit:
            raise ended.reason(broken) from error
    except TimeoutError as error:
        raise Refusal("too_much_time") from error


def _answer(job: socket.socket, request: Mapping[str, Any], broken: str) -> Answer:
    facts_bytes, payload_bytes = LENGTHS.unpack(exactly(job, LENGTHS.size))
    if facts_bytes > MOST_FACTS_BYTES or payload_bytes > _most_payload_bytes(request):
        raise Refusal(broken)  # no decoder of ours answers that; one that a file took over may
    with held_to_form(broken):
        facts = dict(json.loads(exactly(job, facts_bytes), parse_float=_finite, parse_constant=_finite))
    answer = Answer(facts, exactly(job, payload_bytes))
    if "fault" in facts:
        raise SandboxError(facts["fault"])
    if "refusal" in facts:
        known = CODES.get(str(facts["refusal"]))
        ours = known is not None and known.status < FAULTS_OF_OURS
        raise Refusal(facts["refusal"] if ours else broken, str(facts.get("detail", ""))[:200])
    return answer


@contextlib.contextmanager
def held_to_form(broken: str) -> Iterator[None]:
    """Take an answer apart: one that is not of the form expected comes from a child that its file took over.

    Raises Refusal `broken`.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Refusal(broken) from error


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def _most_payload_bytes(request: Mapping[str, Any]) -> int:
    limits = request["limits"]
    return 3 * max(int(limits["max_still_side"]), int(limits["max_frame_side"])) ** 2


def _send(job: socket.socket, request: Mapping[str, Any], payload: bytes) -> None:
    text = json.dumps(request).encode()
    job.sendall(LENGTHS.pack(len(text), len(payload)) + text)
    if payload:  # a child that waits for nothing more may have answered and ended by now
        job.sendall(payload)


def how_ended(told: socket.socket) -> Ended:
    """Wait until the child has ended. Raises ServerLostError if nobody is left to tell."""
    try:
        status, late, spent = ENDED.unpack(exactly(told, ENDED.size))
    except (EOFError, ConnectionResetError) as error:
        raise ServerLostError from error
    except TimeoutError:
        return Ended(0, signal.SIGKILL, late=True)  # leaving its context ends the child
    killed = os.WIFSIGNALED(status)
    return Ended(0 if killed else os.WEXITSTATUS(status), os.WTERMSIG(status) if killed else 0, late, spent)


@dataclass(frozen=True, slots=True)
class Program:
    """A program at work in a child: its output is read from `output`, what it says of itself from `errors`."""

    output: socket.socket
    errors: int
    told: socket.socket


@contextlib.contextmanager
def program(argv: Sequence[str], *, files: Sequence[int], allowance: Allowance) -> Iterator[Program]:
    """Run a program in a child; `files` are its descriptors 3 and up. Leaving the context ends it.

    Raises ServerLostError; the job may then be asked for again.
    """
    errors, their_errors = os.pipe()
    try:
        try:
            child = contextlib.ExitStack()
            job, told = child.enter_context(_child([their_errors, *files], allowance))
        finally:
            os.close(their_errors)
        with child:
            _send(job, {"name": "program", "argv": list(argv), "allowance": asdict(allowance)}, b"")
            yield Program(job, errors, told)
    finally:
        os.close(errors)
