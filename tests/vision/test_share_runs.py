"""Calls that come while a run is under way share the next one; a call alone waits for nobody."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from heirloom.vision.batching import BATCHES, Arrays, Gatherer, Policy, batch_of, carried, filled, side_of, smaller
from heirloom.vision.runtime import CPU, CUDA, POLICIES, Runtime
from tests.vision.graphs import Gpu, counted, doubling

FOR_EVER_S = 3600.0
Call = Callable[[Arrays], Future[Arrays]]


class Runs:
    """Doubles its rows; the first run lasts until it is told to end."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self, inputs: Arrays) -> Arrays:
        self.sizes.append(len(inputs[0]))
        if len(self.sizes) == 1:
            self.begun.set()
            self.end.wait()
        return tuple(2 * each for each in inputs)


def rows(*numbers: int, width: int = 1) -> Arrays:
    return (np.repeat(np.array(numbers, np.float32)[:, None], width, axis=1),)


@pytest.fixture
def runs() -> Runs:
    return Runs()


def under_way(gatherer: Gatherer, runs: Runs, threads: ThreadPoolExecutor) -> Future[Arrays]:
    first = threads.submit(gatherer, rows(0))
    runs.begun.wait()
    return first


def waiting(gatherer: Gatherer, count: int) -> None:
    while sum(len(lane.waiting) for lane in list(gatherer._lanes.values())) < count:
        time.sleep(0.001)


def test_a_call_alone_waits_for_nobody(runs: Runs) -> None:
    runs.end.set()
    gatherer = Gatherer(runs, Policy(FOR_EVER_S, fixed_shapes=True))
    for number in range(3):
        np.testing.assert_array_equal(gatherer(rows(number))[0], [[2 * number]])
    assert runs.sizes == [1, 1, 1]


def test_calls_that_come_meanwhile_share_the_next_run(runs: Runs) -> None:
    gatherer = Gatherer(runs, Policy(FOR_EVER_S, fixed_shapes=True))
    with ThreadPoolExecutor(4) as threads:
        first = under_way(gatherer, runs, threads)
        others = [threads.submit(gatherer, rows(number, -number)) for number in (1, 2, 3)]
        waiting(gatherer, 3)
        runs.end.set()
        assert [each.result()[0].tolist() for each in others] == [[[2], [-2]], [[4], [-4]], [[6], [-6]]]
        assert first.result()[0].tolist() == [[0]]
    assert runs.sizes == [1, 6]


def test_a_full_batch_does_not_wait(runs: Runs) -> None:
    gatherer = Gatherer(runs, Policy(FOR_EVER_S, fixed_shapes=True, most=4))
    with ThreadPoolExecutor(4) as threads:
        first = under_way(gatherer, runs, threads)
        others = [threads.submit(gatherer, rows(number, number)) for number in (1, 2)]
        assert [each.result()[0].tolist() for each in others] == [[[2], [2]], [[4], [4]]]
        assert not first.done()
        runs.end.set()
    assert runs.sizes == [1, 4]


def test_no_call_waits_longer_than_it_has_to(runs: Runs) -> None:
    gatherer = Gatherer(runs, Policy(0.01, fixed_shapes=True))
    with ThreadPoolExecutor(2) as threads:
        first = under_way(gatherer, runs, threads)
        assert threads.submit(gatherer, rows(5)).result()[0].tolist() == [[10]]
        assert not first.done()
        runs.end.set()


def test_shapes_are_not_mixed(runs: Runs) -> None:
    gatherer = Gatherer(runs, Policy(FOR_EVER_S, fixed_shapes=True))
    with ThreadPoolExecutor(2) as threads:
        first = under_way(gatherer, runs, threads)
        assert gatherer(rows(1, width=3))[0].tolist() == [[2, 2, 2]]
        runs.end.set()
        first.result()
    assert runs.sizes == [1, 1]


def test_every_caller_is_told_of_a_fault() -> None:
    begun, end = threading.Event(), threading.Event()

    def fails(inputs: Arrays) -> Arrays:
        begun.set()
        end.wait()
        raise ValueError("broken")

    gatherer = Gatherer(fails, Policy(FOR_EVER_S, fixed_shapes=True))
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(gatherer, rows(1))]
        begun.wait()
        calls += [threads.submit(gatherer, rows(number)) for number in (2, 3)]
        waiting(gatherer, 2)
        end.set()
        for call in calls:
            with pytest.raises(ValueError, match="broken"):
                call.result()


def test_many_threads_get_each_their_own(tmp_path: Path) -> None:
    shared = Runtime(CUDA, opener=Gpu())
    network = shared.network(doubling(tmp_path / "two.onnx"))

    def ask(number: int) -> bool:
        own = np.full((1 + number % 5, 4), number, np.float32)
        twice, totals = network.outputs(own)
        return bool((twice == 2 * own).all() and (totals == 4 * number).all() and len(twice) == len(own))

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, range(400)))
    assert counted(shared, "batch_wait_seconds_count") == 400
    assert counted(shared, "batch_size_count") < 400
    assert counted(shared, "batch_size_sum") == sum(1 + number % 5 for number in range(400))


def test_on_the_cpu_calls_do_not_share_and_nothing_is_filled_up() -> None:
    assert POLICIES[CPU] == Policy(wait_s=0, fixed_shapes=False)


def test_a_gpu_sees_few_batch_sizes_and_each_in_a_session_of_its_own(tmp_path: Path) -> None:
    """A session that is shown another shape than before plans its convolutions anew: many times the time of a run."""
    gpu = Gpu()
    network = Runtime(CUDA, opener=gpu).network(doubling(tmp_path / "two.onnx"))
    for count in (*range(1, 150), *range(1, 150)):
        own = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
        np.testing.assert_array_equal(network.run(own), 2 * own)
    assert {shapes["x"][0] for shapes in gpu.shown} == set(BATCHES)
    assert len(gpu.sessions) == len(BATCHES)
    for session in gpu.sessions:
        assert len({shapes["x"] for shapes in session.own}) == 1


def test_a_run_carries_fewer_pictures_the_larger_they_are() -> None:
    sides = (150, 640, 1500, 3000, 5000)
    assert [carried((np.zeros((2, side, side, 4), np.uint8),)) for side in sides] == [64, 16, 4, 1, 1]


def test_shapes_are_filled_up_to_the_next_that_is_known() -> None:
    assert [batch_of(count) for count in (1, 3, 33, 64, 200)] == [1, 4, 64, 64, 64]
    assert [smaller(count) for count in (64, 17, 16, 4, 1)] == [16, 16, 4, 1, 0]
    assert [side_of(pixels) for pixels in (1, 161, 640, 641, 1921)] == [160, 320, 640, 1280, 2560]
    assert filled(rows(1, 2), 4)[0].tolist() == [[1], [2], [2], [2]]
