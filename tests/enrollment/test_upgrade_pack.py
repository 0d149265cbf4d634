"""An installation that runs dlib goes over to the best pack: pulled, built beside, compared, switched to, and back."""

import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from enrollment.models import Person, PersonTemplate
from heirloom.jobs import packs
from heirloom.jobs.vision import beside
from heirloom.vision import catalog, npm
from heirloom.vision.packs.arcface import composition
from tests.enrollment.conftest import CONSENT
from tests.pictures import b64, retaken
from tests.portraits import Portrait
from tests.processes import Processes
from tests.vision.npm_files import pulled

pytestmark = pytest.mark.django_db
OLD, PACK = "dlib-resnet-v1-avg3", "mobilefacenet-192"


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder of an installation that never pulled anything."""
    if not (npm.available() or os.environ.get("HEIRLOOM_TEST_NPM")):
        pytest.skip("npm is not installed")
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def eyes(processes: Processes, models_dir: Path) -> Iterator[Path]:
    """A vision process whose owner has acknowledged the pack before it was there; the value is its socket."""
    yield processes.other_vision("upgraded", "dlib", models_dir, "--acknowledged", PACK)
    processes.stop("upgraded")


@pytest.fixture(autouse=True)
def installation(eyes: Path, models_dir: Path, settings: LazySettings) -> Iterator[None]:
    settings.VISION_SOCKET, settings.MODELS_DIR = eyes, models_dir
    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = []
    beside.cache_clear()
    yield
    beside.cache_clear()


def run(command: str, *arguments: str) -> str:
    told = StringIO()
    call_command(command, *arguments, stdout=told)
    return told.getvalue()


def enroll(hana: APIClient, portrait: Portrait, photos: int) -> Person:
    pictures = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)][:photos]
    body = {"full_name": portrait.name, "employee_id": portrait.name, "images": [b64(p) for p in pictures]}
    answer = hana.post("/api/v1/register-multiple/", body | {"consent": CONSENT}, format="json")
    assert answer.status_code == 201, answer.content
    return Person.objects.get(employee_id=portrait.name)


def found(hana: APIClient, portrait: Portrait) -> tuple[str, str]:
    """Whom a search names, and by which model."""
    probe = {"face_image_base64": b64(retaken(portrait, turned=3))}
    answer = hana.post("/api/v1/recognize/", probe, format="json").json()
    return answer["best_match"]["employee_id"], answer["model_used"]


def test_from_dlib_to_the_best_pack_and_back(
    hana: APIClient, portraits: dict[str, Portrait], models_dir: Path, settings: LazySettings
) -> None:
    made = composition(PACK)
    assert made
    eileen = enroll(hana, portraits["astronaut"], 2)
    enroll(hana, portraits["hopper"], 1)
    with pytest.raises(CommandError, match="weights_missing"):
        run("reembed", "build", PACK)

    pulled(models_dir, *made.weights)
    assert [catalog.verify(name, models_dir) for name in made.weights] == [catalog.State.OK]
    assert "is here already" in run("models", "pull", PACK)
    with pytest.raises(CommandError, match="licence_not_acknowledged"):
        run("reembed", "build", PACK)

    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = [PACK]
    assert f"The best pack of those that may be used here is {PACK}" in run("models", "list")
    run("reembed", "build", PACK)
    row = PersonTemplate.objects.get(person=eileen, model=made.model(models_dir))
    assert (row.dimensions, row.reference_count) == (192, 2)
    assert found(hana, portraits["hopper"]) == ("hopper", OLD), "building changes nothing that anybody is answered"

    said = run("reembed", "compare", PACK)
    assert f"{PACK}, one picture against one" in said
    assert "FNMR 0.00%" in said

    assert f"{PACK} is the active pack" in run("reembed", "switch", PACK)
    assert found(hana, portraits["hopper"]) == ("hopper", made.model(models_dir))
    assert found(hana, portraits["astronaut"]) == ("astronaut", made.model(models_dir))

    run("reembed", "back")
    assert packs.active() == "dlib"
    assert found(hana, portraits["astronaut"]) == ("astronaut", OLD)
