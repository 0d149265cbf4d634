"""A decoder that a file has taken over can do nothing but decode: the attacks of attacks.py, tried from inside."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.media import sandbox
from heirloom.media.confine import what_holds
from heirloom.media.limits import Allowance, Limits
from heirloom.media.wire import LENGTHS

ROOT = Path(__file__).resolve().parents[2]
ATTACKS = Path(__file__).with_name("attacks.py").read_text(encoding="utf-8")
ALLOWANCE = Allowance(cpu_s=10, wall_s=30, memory_mb=1024)
AS_A_DECODER = f"""
from heirloom.media import confine
from heirloom.media.limits import Allowance
import ctypes, os, platform, resource, signal, socket, sys, threading
confine.drop_network()
confine.confine(Allowance(cpu_s=10, wall_s=30, memory_mb=1024), most_open_files=0)
{ATTACKS}"""
TAKEN = 0o640

pytestmark = pytest.mark.skipif(
    not what_holds() >= {"files", "system calls"}, reason="this system has no Landlock or no seccomp"
)


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("victim") / "file"
    file.write_bytes(b"whole")
    file.chmod(TAKEN)
    return file


@pytest.fixture(scope="module")
def bystander() -> Iterator[int]:
    """A process of the same user, to be harmed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]) as process:
        yield process.pid
        process.kill()


def outcomes(said: bytes) -> dict[str, str]:
    """Return what became of each attack; of the last, whoever ran another program cannot tell."""
    return {"run_program": "done", **dict(line.split() for line in said.decode().splitlines())}


@pytest.fixture(scope="module")
def from_a_decoder(victim: Path, bystander: int) -> dict[str, str]:
    """What became of each attack in a child that reads a photo or a clip."""
    command = [sys.executable, "-c", AS_A_DECODER, str(victim), str(bystander)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=60)
    return outcomes(done.stdout)


@pytest.fixture(scope="module")
def from_a_program(victim: Path, bystander: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each attack in a child that runs a program; this one is Python."""
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", ATTACKS, str(victim), str(bystander)]
    given = tmp_path_factory.mktemp("given") / "clip"
    given.write_bytes(b"clip")
    with given.open("rb") as clip, sandbox.program(command, files=[clip.fileno()], allowance=ALLOWANCE) as program:
        said = b"".join(iter(lambda: program.output.recv(65536), b""))
        assert sandbox.how_ended(program.told).exit_code == 0
    return outcomes(said)


def test_a_decoder_can_do_nothing_but_compute(from_a_decoder: dict[str, str]) -> None:
    assert {attack for attack, outcome in from_a_decoder.items() if outcome == "done"} == {"start_thread"}


def test_a_program_can_only_become_another_besides_held_as_it_was(from_a_program: dict[str, str]) -> None:
    assert {attack for attack, outcome in from_a_program.items() if outcome == "done"} == {
        "start_thread",
        "run_program",
    }


def test_nothing_was_harmed(
    victim: Path, bystander: int, from_a_decoder: dict[str, str], from_a_program: dict[str, str]
) -> None:
    state = Path(f"/proc/{bystander}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]

    assert (victim.read_bytes(), victim.stat().st_mode & 0o777) == (b"whole", TAKEN)
    assert [each.name for each in victim.parent.iterdir()] == [victim.name]
    assert state in {"S", "R"}


def test_a_program_may_open_what_it_was_given_as_it_was_given(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"clip")
    target.touch()
    script = """
import os
os.write(os.open("/dev/fd/4", os.O_WRONLY | os.O_TRUNC), os.read(os.open("/dev/fd/3", os.O_RDONLY), 9))
try:
    os.open("/dev/fd/3", os.O_RDWR)
except PermissionError:
    os.write(1, b"refused")
"""
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", script]
    allowance = Allowance(cpu_s=10, wall_s=30, memory_mb=1024, file_mb=1)
    with source.open("rb") as clip, target.open("r+b") as copy:
        files = [clip.fileno(), copy.fileno()]
        with sandbox.program(command, files=files, allowance=allowance) as program:
            said = b"".join(iter(lambda: program.output.recv(65536), b""))

    assert (said, target.read_bytes(), source.read_bytes()) == (b"refused", b"clip", b"clip")


AS_CUDA = """
import sys, threading
def named():
    path = f"/proc/self/task/{threading.get_native_id()}/comm"
    open(path, "w").write("decoder")
    print(open(path).read().strip())
thread = threading.Thread(target=named)
thread.start()
thread.join()
print(len([open("/dev/null") for _ in range(100)]))
try:
    open(sys.argv[1], "w")
except PermissionError:
    print("held")
"""


def test_a_program_that_drives_a_card_may_name_its_threads_and_still_touches_no_file(victim: Path) -> None:
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", AS_CUDA, str(victim)]
    driving = replace(ALLOWANCE, reserves=True)
    with sandbox.program(command, files=[], allowance=driving) as program:
        said = b"".join(iter(lambda: program.output.recv(65536), b""))
    assert said.decode().split() == ["decoder", "100", "held"]
    assert victim.read_bytes() == b"whole"


@pytest.mark.parametrize(
    "facts",
    [
        b"[" * 100_000,
        b"null",
        b"[1]",
        b'"text"',
        b"not json",
        b"\xff\xfe",
        b'{"width": NaN}',
        b'{"width": 1e999}',
        b'{"refusal": ["a"]}',
        b'{"refusal": "internal_error"}',
        b'{"refusal": "no_such_code"}',
    ],
)
def test_an_answer_that_no_decoder_of_ours_gives_is_the_files_fault(facts: bytes) -> None:
    ours, theirs = socket.socketpair()
    request = {"limits": sandbox._plain(Limits())}
    with ours, theirs:
        theirs.sendall(LENGTHS.pack(len(facts), 0) + facts)

        with pytest.raises(Refusal) as caught:
            sandbox._answer(ours, request, "invalid_video")
    assert caught.value.code == "invalid_video"


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (2, 2**63)])
def test_an_answer_without_end_is_not_waited_for(lengths: tuple[int, int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(LENGTHS.pack(*lengths))

        with pytest.raises(Refusal) as caught:
            sandbox._answer(ours, {"limits": sandbox._plain(Limits())}, "invalid_image")
    assert caught.value.code == "invalid_image"
