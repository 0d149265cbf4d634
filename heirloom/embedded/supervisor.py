"""Keep a few processes running, and end them in order.

Every process is a child of this one, in a session of its own, and dies with it (see guard.py). Only the children are
signalled, never their children: a Celery worker or a fork server knows best how to end its own.
"""

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from heirloom.embedded.children import Child, Program

STOP_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.2
_LONGEST_DELAY_S = 30.0
_STEADY_AFTER_S = 60.0


@dataclass(slots=True)
class Service:
    """A program to keep running. stage: the highest is stopped first. before: what to do ahead of every start."""

    program: Program
    stage: int
    before: Callable[[], None] | None = None
    child: Child | None = None
    started_at: float = 0.0
    start_again_at: float | None = None
    delay_s: float = field(default=1.0)


class Supervisor:
    """Starts services, starts again what died, and stops all. To be used from the main thread."""

    def __init__(
        self, log_dir: Path, environment: Mapping[str, str], say: Callable[[str], None], *, echo: bool = False
    ) -> None:
        self._log_dir = log_dir
        self._environment = environment
        self._say = say
        self._echo = echo
        self._services: dict[str, Service] = {}
        self._stopping = threading.Event()
        self._hurrying = threading.Event()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def listen(self) -> None:
        """Take Ctrl-C, SIGTERM and a closed terminal as the wish to stop; a second one as the wish to stop at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def start(self, program: Program, *, stage: int, before: Callable[[], None] | None = None) -> Child:
        """Start a program and keep it running from now on."""
        service = Service(program, stage, before)
        self._services[program.name] = service
        return self._start(service)

    def restart(self, names: set[str]) -> None:
        """Stop these services and start them again, as after a change of code."""
        chosen = [service for name, service in self._services.items() if name in names]
        self._end(chosen)
        for service in chosen:
            if not self.stopping:
                self._start(service)

    def look(self) -> None:
        """Look after the children once, and pause a little: call it again and again."""
        for service in self._services.values():
            if service.child is not None and not service.child.running:
                self._plan_again(service, service.child)
            elif service.start_again_at is not None and time.monotonic() >= service.start_again_at:
                self._start(service)
        self._stopping.wait(_LOOK_EVERY_S)

    def stop(self) -> None:
        """End all services, the highest stage first; what does not end in time is killed."""
        self._stopping.set()
        for stage in sorted({service.stage for service in self._services.values()}, reverse=True):
            self._end([service for service in self._services.values() if service.stage == stage])

    def _start(self, service: Service) -> Child:
        if service.before is not None:
            service.before()
        name = service.program.name
        echo = (lambda line: self._say(f"{name:8} | {line}")) if self._echo else None
        service.child = Child(service.program, self._log_dir, self._environment, echo)
        service.started_at = time.monotonic()
        service.start_again_at = None
        return service.child

    def _plan_again(self, service: Service, child: Child) -> None:
        child.end()
        steady = time.monotonic() - service.started_at > _STEADY_AFTER_S
        service.delay_s = 1.0 if steady else min(service.delay_s * 2, _LONGEST_DELAY_S)
        service.child = None
        service.start_again_at = time.monotonic() + service.delay_s
        lines = "".join(f"\n    {line}" for line in child.tail)
        self._say(
            f"{child.program.name} ended ({child.how_it_ended}); it starts again in {service.delay_s:.0f} s. "
            f"Its last words, from {child.log}:{lines}"
        )

    def _end(self, services: list[Service]) -> None:
        children = [service.child for service in services if service.child is not None]
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_WITHIN_S
        while any(child.running for child in children) and time.monotonic() < deadline and not self._hurrying.is_set():
            time.sleep(0.05)
        for child in children:
            if child.running:
                self._say(
                    f"{child.program.name} did not stop and is killed; its unfinished jobs are taken up again later"
                )
            child.end()
        for service in services:
            service.child, service.start_again_at = None, None

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopping:
            self._hurrying.set()
        self._stopping.set()
