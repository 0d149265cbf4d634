"""manage.py doctor: one line for each part, a remedy for each fault, exit code 1 when the main job cannot run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from heirloom.decision.policy_files import dump, file_name
from heirloom.embedded import doctor, doctor_services
from heirloom.embedded.findings import Finding, State, fault, ok, table
from heirloom.jobs.models import WorkerHeartbeat
from tests.decision import made
from tests.jobs.workers import soon

ROOT = Path(__file__).parents[2]


def _doctor(var: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "doctor"]
    variables = {**os.environ, "HEIRLOOM_VAR": str(var), **environment}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60)


def test_it_runs_while_the_database_is_down_and_says_how_to_start_it(tmp_path: Path) -> None:
    done = _doctor(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Database" in done.stdout
    assert "Start Heirloom: make run" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_it_fails_when_cuda_was_asked_for_and_its_provider_does_not_load(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heirloom.settings.VISION_DEVICE", "cuda")
    monkeypatch.setattr(doctor, "_runs_on_cuda", lambda: False)
    assert doctor.gpu().state is State.FAULT


def test_a_machine_without_a_gpu_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_card", lambda: "")
    assert doctor.gpu() == ok("GPU", "none; the CPU is used")


def test_python_modules_ffmpeg_and_weights_of_this_machine_pass() -> None:
    found = {finding.part: finding for finding in doctor.machine()}
    parts = ("Python", "Modules", "ONNX Runtime", "FFmpeg", "Weights of dlib")
    assert {found[part].state for part in parts} == {State.OK}


def test_whom_the_active_pack_fails_is_said_and_a_policy_without_groups_says_that_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = doctor.whom_it_fails("dlib", "dlib-resnet-v1-avg3")
    assert (found.state, "most race: asian" in found.detail) == (State.WARNING, True)
    monkeypatch.setattr("heirloom.settings.POLICY_DIR", tmp_path)
    for policy, words in ((made.policy(), "no group of people was measured"), (made.held_policy(), "made up: harder")):
        (tmp_path / file_name("made")).write_text(dump(policy))
        assert words in doctor.whom_it_fails("own", "made").detail
    (tmp_path / file_name("made")).write_text("no policy")
    assert doctor.whom_it_fails("own", "made").state is State.FAULT


def test_a_changed_weights_file_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heirloom.settings.MODELS_DIR", tmp_path)
    monkeypatch.setattr("heirloom.settings.VISION_PACK", "opencv-zoo")
    (tmp_path / "opencv-zoo").mkdir()
    (tmp_path / "opencv-zoo" / "face_detection_yunet_2023mar.onnx").write_bytes(b"not these")
    finding = next(doctor.weights())
    assert (finding.state, "yunet has another sha256" in finding.detail) == (State.FAULT, True)


def test_a_full_disk_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 10**8}))
    assert doctor.disk().state is State.FAULT


@pytest.mark.django_db
def test_a_database_without_a_worker_is_a_fault_of_the_worker_alone() -> None:
    found = {finding.part: finding.state for finding in doctor_services.services()}
    assert (found["Database"], found["pgvector"], found["Migrations"], found["Broker"]) == (State.OK,) * 4
    assert found["Workers"] is State.FAULT


@pytest.mark.django_db(transaction=True)
def test_a_running_worker_is_seen(worker: object) -> None:
    # A worker says that it is ready a moment before it first says that it is alive.
    soon(WorkerHeartbeat.objects.alive("worker").exists)
    found = {finding.part: finding for finding in doctor_services.services()}
    assert found["Workers"].state is State.OK, found["Workers"]
    assert found["Vision process"].state is State.OK


def test_a_key_ring_that_others_can_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"keys": [{"id": "k1", "key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}]}')
    path.chmod(0o644)
    monkeypatch.setattr("heirloom.settings.ENCRYPTION_KEYS", "")
    monkeypatch.setattr("heirloom.settings.KEY_RING_FILE", path)
    assert doctor_services.key_ring(has_database=False) == Finding(
        "Key ring", State.WARNING, f"{path} can be read by others", f"chmod 600 {path}"
    )


def test_each_fault_stands_with_its_remedy() -> None:
    text = table([ok("Disk", "fine"), fault("Database", "down", "start it")])
    assert text.splitlines() == ["Disk      ok       fine", "Database  FAULT    down", "                   -> start it"]


@pytest.mark.django_db
def test_the_command_ends_with_code_1_when_the_main_job_cannot_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    assert ended.value.code == 1
    assert "the main job cannot run" in capsys.readouterr().out
