"""What the vision process counts reaches Prometheus, asked by the web or told by the worker beside it."""

from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from pytest_django import Settings

from heirloom.jobs import vision_meters
from heirloom.jobs.liveness import beat
from heirloom.jobs.models import WorkerHeartbeat
from heirloom.jobs.vision import beside
from heirloom.media.types import Image
from heirloom.vision.types import AnalysisRequest

pytestmark = pytest.mark.django_db

NAMES = (
    "device", "model_memory_bytes", "model_load_seconds_count", "batch_size_bucket", "queue_wait_seconds_sum",
    "vram_limit_bytes", "vram_used_bytes",
)  # fmt: skip


@pytest.fixture(autouse=True)
def on_ones_own_machine(settings: Settings) -> None:
    settings.EMBEDDED = True


def read() -> list[str]:
    lines = Client().get("/metrics").content.decode().splitlines()
    return [line for line in lines if line.startswith("heirloom_vision_")]


@pytest.mark.usefixtures("vision_process")
def test_the_web_asks_the_process_beside_it() -> None:
    beside().analyze([Image(np.zeros((200, 200, 3), np.uint8))], AnalysisRequest())
    lines, process = read(), beside().status().process
    for name in NAMES:
        assert any(line.startswith(f"heirloom_vision_{name}{{") and f'process="{process}"' in line for line in lines)
    [device] = [line for line in lines if line.startswith("heirloom_vision_device{")]
    assert 'device="cpu"' in device
    assert 'wanted="cpu"' in device


@pytest.mark.usefixtures("vision_process")
def test_a_worker_tells_of_the_process_beside_it(settings: Settings) -> None:
    settings.VISION_MODE = "celery"
    assert not read()
    vision_meters.tell()
    vision_meters.tell()
    [row] = WorkerHeartbeat.objects.alive("vision")
    assert f'process="{row.details["process"]}"' in read()[0]
    assert not any("_created" in line for line in read())


def test_several_processes_stand_side_by_side(settings: Settings) -> None:
    settings.VISION_MODE = "celery"
    for process, used in (("a:1", 5), ("b:2", 7)):
        text = f"# TYPE heirloom_vision_vram_used_bytes gauge\nheirloom_vision_vram_used_bytes {used}\n"
        beat(name=f"vision {process}", kind="vision", details={"process": process, "metrics": text})
    assert read() == [
        'heirloom_vision_vram_used_bytes{process="a:1"} 5.0',
        'heirloom_vision_vram_used_bytes{process="b:2"} 7.0',
    ]


def test_a_worker_without_one_tells_nothing(settings: Settings, tmp_path: Path) -> None:
    settings.VISION_SOCKET = tmp_path / "none.sock"
    beside.cache_clear()
    vision_meters.tell()
    assert not WorkerHeartbeat.objects.exists()
    beside.cache_clear()
