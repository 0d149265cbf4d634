"""What the GPU's driver tells of its memory; where there is none, nothing is made up."""

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from heirloom.vision import vram

DRIVER = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
static unsigned int card;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
  card = index; *device = &card;
  return index > 3;
}
int nvmlDeviceGetHandleByUUID(const char *name, void **device) {
  card = 9; *device = &card;
  return strcmp(name, "GPU-9");
}
int nvmlDeviceGetMemoryInfo(void *device, nvmlMemory_t *memory) {
  unsigned long long used = 1000 + *(unsigned int *)device;
  memory->total = 5000; memory->used = used; memory->free = 5000 - used;
  return 0;
}
"""


@pytest.fixture(autouse=True)
def read_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    vram._library.cache_clear()
    yield
    vram._library.cache_clear()


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with the four functions of nvml.h that are called, compiled here."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, library = tmp_path / "nvml.c", tmp_path / "libnvml.so"
    source.write_text(DRIVER)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    monkeypatch.setattr(vram, "_LIBRARY", str(library))


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(("visible", "used"), [("", 1000), ("2,1", 1002), ("GPU-9", 1009)])
def test_it_is_read_of_the_card_that_cuda_shows(visible: str, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert vram.vram() == vram.Vram(total_bytes=5000, used_bytes=used)


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("visible", ["7", "GPU-gone"])
def test_a_card_that_is_not_there_tells_nothing(visible: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert vram.vram() is None


def test_without_a_driver_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vram, "_LIBRARY", "libno-such-driver.so.1")
    with pytest.raises(OSError, match="no-such-driver"):
        ctypes.CDLL(vram._LIBRARY)
    assert vram.vram() is None
