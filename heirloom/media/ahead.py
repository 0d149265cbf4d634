"""What comes slowly is fetched ahead, while that which came before is being used."""

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing follows. error: why, if that is no ordinary end."""

    error: BaseException | None


def as_they_come(items: Iterable[Item], most: int) -> Iterator[Sequence[Item]]:
    """Yield the items in order, each time those that are there by then: at least one, at most `most`.

    What is not a sequence is iterated by a thread of its own, which has ended when this iterator has; an error of it
    is raised here after the items before it.
    """
    if isinstance(items, Sequence):
        yield from (items[start : start + most] for start in range(0, len(items), most))
        return
    queue: SimpleQueue[Item | _End] = SimpleQueue()
    enough = threading.Event()
    thread = threading.Thread(target=_fetch, args=(items, queue, enough), name="fetch-ahead", daemon=True)
    thread.start()
    try:
        yield from _batches(queue, most)
    finally:
        enough.set()
        thread.join()


def _batches(queue: "SimpleQueue[Item | _End]", most: int) -> Iterator[Sequence[Item]]:
    while True:
        batch, end = _ready(queue, most)
        if batch:
            yield batch
        if end is not None:
            if end.error is not None:
                raise end.error
            return


def _ready(queue: "SimpleQueue[Item | _End]", most: int) -> tuple[list[Item], _End | None]:
    """Wait for one item, and take with it what else is there."""
    batch: list[Item] = []
    while len(batch) < most:
        try:
            taken = queue.get(block=not batch)
        except Empty:
            break
        if isinstance(taken, _End):
            return batch, taken
        batch.append(taken)
    return batch, None


def _fetch(items: Iterable[Item], queue: "SimpleQueue[Item | _End]", enough: threading.Event) -> None:
    error = None
    try:
        for item in items:
            queue.put(item)
            if enough.is_set():
                break
    except BaseException as raised:  # noqa: BLE001  # carried whole to the other thread, and raised again there
        error = raised
    finally:
        if isinstance(items, Generator):
            items.close()
        queue.put(_End(error))
