"""The demo, as `make demo` plays it, on a real web server, worker and vision process."""

import re
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper

from bench.client import Caller
from bench.demo import Cast, Demo
from bench.portraits import Portrait
from enrollment.models import FaceTemplate, Person
from heirloom.reviews.models import Review
from tests.cast import PASSWORD, make_cast
from tests.processes import Processes
from verification.models import Verification

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def passwords_as_the_web_server_reads_them(settings: SettingsWrapper) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]


def test_the_demo_plays_the_main_job_and_cleans_up(
    live: str, worker: Processes, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    make_cast()
    callers = [Caller(live, name, PASSWORD) for name in ("hana", "cleo", "rhea")]
    told: list[str] = []
    Demo(Cast(live, *callers), tmp_path, portraits, told.append).run(keep=False)
    for caller in callers:
        caller.close()
    said = "\n".join(told)
    outcomes = dict(re.findall(r"^(\w+:? [a-z ]+?)  +(?:astronaut|hopper)  +(\w+)", said, re.MULTILINE))
    assert len(outcomes) == 6, said
    assert outcomes["impostor: hopper"] == "rejected"
    assert "rejected" not in [outcomes[f"{kind} of {name}"] for kind in ("photo", "clip") for name in portraits]
    assert Verification.objects.filter(outcome="rejected", reasons__contains=["no_match"]).count() == 1
    assert "decision approved (identity_checked_in_person)" in said
    assert Review.objects.exclude(verdict="").count() in {0, 1}
    assert not FaceTemplate.objects.exists()
    assert not Person.objects.exists()
