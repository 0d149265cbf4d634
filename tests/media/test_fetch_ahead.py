import threading
from collections.abc import Iterator

import pytest

from heirloom.media.ahead import as_they_come


def test_a_sequence_comes_in_batches_in_order() -> None:
    assert list(as_they_come([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]


def test_what_is_there_is_given_at_once() -> None:
    asked = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        assert asked.wait(10)
        yield from (2, 3, 4)

    batches = as_they_come(slow(), 2)

    assert next(batches) == [1]
    asked.set()
    assert [number for batch in batches for number in batch] == [2, 3, 4]


def test_fetching_goes_on_while_the_last_batch_is_used() -> None:
    ended = threading.Event()

    def slow() -> Iterator[int]:
        yield from range(5)
        ended.set()

    batches = as_they_come(slow(), 2)

    next(batches)
    assert ended.wait(10)
    assert [number for batch in batches for number in batch][-1] == 4


def test_an_error_comes_after_what_came_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    batches = as_they_come(failing(), 3)

    assert next(batches) == [1]
    with pytest.raises(ValueError, match="no more"):
        next(batches)


def test_who_has_enough_ends_the_fetching() -> None:
    closed = []

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(threading.current_thread().name)

    batches = as_they_come(endless(), 1)
    next(batches)
    batches.close()  # type: ignore[attr-defined]

    assert len(closed) == 1
    assert not any(thread.name == "fetch-ahead" for thread in threading.enumerate())
