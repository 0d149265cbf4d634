import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import psutil
import pytest

from heirloom.errors import Refusal
from heirloom.media import sandbox
from heirloom.media.confine import STANDS_BACK
from heirloom.media.image import read_image
from heirloom.media.limits import DEFAULT_LIMITS, Allowance, Limits
from heirloom.media.transcode.ffmpeg import find_ffmpeg
from tests.media.conftest import Written

ROOT = Path(__file__).resolve().parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="what is shown here is Linux's /proc")


@pytest.fixture
def photo(astronaut: PIL.Image.Image, written: Written) -> bytes:
    return written(astronaut)


@pytest.fixture(scope="module")
def slow_photo() -> bytes:
    """Return a photo that takes some tenths of a second to read."""
    written = io.BytesIO()
    PIL.Image.effect_noise((4000, 4000), 60).save(written, "PNG", compress_level=1)
    return written.getvalue()


def wait_until(holds: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def wait_until_gone(pid: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def test_a_fork_server_that_was_killed_is_replaced(photo: bytes) -> None:
    sandbox.start()
    first = sandbox.server_pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)

    assert read_image(photo).width == 512
    assert sandbox.server_pid() != first


@linux_only
def test_a_child_that_was_killed_is_a_refusal_and_the_next_photo_is_read(photo: bytes, slow_photo: bytes) -> None:
    sandbox.start()
    server = sandbox.server_pid()
    assert server is not None
    codes: list[str] = []

    def read_slowly() -> None:
        try:
            read_image(slow_photo)
        except Refusal as refusal:
            codes.append(refusal.code)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    while not children_of(server):
        time.sleep(0.001)
    os.kill(children_of(server)[0], signal.SIGKILL)
    reader.join(10)

    assert codes == ["too_much_memory"]
    assert read_image(photo).width == 512
    assert sandbox.server_pid() == server


@linux_only
def test_a_photo_is_read_although_the_fork_server_is_killed_meanwhile(slow_photo: bytes) -> None:
    sandbox.start()
    server = sandbox.server_pid()
    assert server is not None

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_image, slow_photo)
        while not children_of(server):
            time.sleep(0.001)
        child = children_of(server)[0]
        os.kill(server, signal.SIGKILL)

        assert reading.result(20).width == 2048
    assert wait_until_gone(child)


def test_reading_beyond_its_wall_time_ends_in_a_refusal(photo: bytes, slow_photo: bytes) -> None:

    with pytest.raises(Refusal) as caught:
        read_image(slow_photo, Limits(still=Allowance(cpu_s=10, wall_s=0.05, memory_mb=1024)))
    assert caught.value.code == "too_much_time"
    assert read_image(photo).width == 512


def test_reading_beyond_its_processor_time_ends_in_a_refusal(slow_photo: bytes) -> None:

    with pytest.raises(Refusal) as caught:
        read_image(slow_photo, Limits(still=Allowance(cpu_s=0, wall_s=20, memory_mb=1024)))
    assert caught.value.code == "too_much_cpu_time"


def test_a_child_that_has_answered_and_ended_before_all_is_sent_is_heard() -> None:
    class Hasty:
        heard = 0

        def sendall(self, data: bytes) -> None:
            if self.heard:
                raise BrokenPipeError
            self.heard += 1

    child = Hasty()
    sandbox._send(child, {"name": "frames"}, b"")  # type: ignore[arg-type]
    assert child.heard == 1


def test_photos_are_read_from_many_threads_at_once(photo: bytes) -> None:
    expected = read_image(photo).pixels

    with ThreadPoolExecutor(12) as pool:
        images = list(pool.map(read_image, [photo] * 36))

    assert all(np.array_equal(image.pixels, expected) for image in images)


def test_a_thread_that_ends_takes_no_fork_server_with_it(photo: bytes) -> None:
    sandbox.stop()
    starter = threading.Thread(target=lambda: read_image(photo))
    starter.start()
    starter.join()
    server = sandbox.server_pid()
    time.sleep(0.05)

    assert read_image(photo).width == 512
    assert sandbox.server_pid() == server


def test_a_forked_process_gets_a_fork_server_of_its_own(photo: bytes) -> None:
    sandbox.start()
    child = os.fork()
    if child == 0:
        ours = sandbox.server_pid()
        well = ours is None and read_image(photo).width == 512
        sandbox.stop()
        os._exit(0 if well else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_image(photo).width == 512


@linux_only
def test_the_fork_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = """
import time
from heirloom.media import sandbox
sandbox.start()
print(sandbox.server_pid(), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        parent.kill()
        parent.wait()

    assert wait_until_gone(server)


@linux_only
def test_the_fork_server_knows_no_secrets_and_no_network(monkeypatch: pytest.MonkeyPatch, photo: bytes) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@localhost/db")
    sandbox.stop()
    sandbox.start()
    server = sandbox.server_pid()
    assert read_image(photo).width == 512  # it has answered, so it is itself by now

    assert b"secret" not in Path(f"/proc/{server}/environ").read_bytes()
    routes = Path(f"/proc/{server}/net/route").read_text(encoding="ascii").splitlines()
    if Path(f"/proc/{server}/ns/net").readlink() != Path("/proc/self/ns/net").readlink():
        assert len(routes) <= 1


MAIN_MODULES = {
    "a script": ["{script}"],
    "a module": ["-m", "script"],
    "a command": ["-c", "{source}"],
}
SCRIPT = """
import io, sys, PIL.Image
from heirloom.media.confine import STANDS_BACK
from heirloom.media.image import read_image
written = io.BytesIO()
PIL.Image.new("RGB", (30, 20)).save(written, "PNG")
print(read_image(written.getvalue()).width)
"""


@pytest.mark.parametrize("kind", MAIN_MODULES)
def test_photos_are_read_whatever_the_main_module_is_and_it_runs_once(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    arguments = [part.format(script=script, source=SCRIPT) for part in MAIN_MODULES[kind]]

    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("30\n", "")


def test_a_child_that_nobody_waits_for_stands_back_and_takes_nobodys_place() -> None:
    allowance = replace(DEFAULT_LIMITS.frames, stands_back=True)
    endless = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "nullsrc", "-f", "null", "-"]
    places = [sandbox._server.slots.acquire(timeout=10) for _ in range(sandbox.CHILDREN_AT_ONCE)]
    try:
        with sandbox.program(endless, files=[], allowance=allowance):
            children = psutil.Process(sandbox.server_pid()).children
            niceness = min(os.nice(0) + STANDS_BACK, 19)  # there is nothing beyond
            assert wait_until(lambda: [child.nice() for child in children()] == [niceness])
    finally:
        for _ in places:
            sandbox._server.slots.release()
