from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from enrollment.models import Capture, FaceTemplate, Person
from enrollment.services import consents, people, templates
from enrollment.services.labelled import enrolled_gallery, enrolled_groups
from heirloom.vision.types import Template
from tests.evaluation import made

MODEL = "dlib-resnet-v1-avg3"

pytestmark = pytest.mark.django_db


@pytest.fixture
def enrolled() -> np.ndarray:
    """Three people with two templates each; the value is what was stored, (6, 128)."""
    gallery = made.gallery(3, 2, dimensions=128)
    for number in range(3):
        person = people.create_person(full_name=f"Person {number}", actor=None)
        consent = consents.give(
            person=person, policy_version="1", method="written", given_at=timezone.now(), actor=None
        )
        capture = Capture.objects.create(
            subject=person.id, person=person, kind="image", mime="image/jpeg", source="test", size_bytes=1
        )
        new = [
            templates.NewTemplate(capture, Template(MODEL, vector), 90.0)
            for vector in gallery.vectors[gallery.people == number]
        ]
        templates.add(person=person, consent=consent, new=new)
    return gallery.vectors


def test_exact_templates_come_back_labelled_by_person(enrolled: np.ndarray) -> None:
    gallery = enrolled_gallery(model=MODEL)
    assert np.bincount(gallery.people).tolist() == [2, 2, 2]
    assert sorted(map(bytes, gallery.vectors)) == sorted(map(bytes, enrolled))
    assert enrolled_gallery(model=MODEL, most_people=1).vectors.shape == (2, 128)


def test_groups_of_the_enrolled_are_what_the_organization_notes_of_them(enrolled: np.ndarray) -> None:
    first, second, third = Person.objects.filter(pk__in=FaceTemplate.objects.values("person")).order_by("pk")
    people.update_person(person=first, actor=None, department="North", metadata={"badge": 7})
    people.update_person(person=second, actor=None, metadata={"badge": ["no", "plain", "value"]})
    found = enrolled_groups(model=MODEL, keys=["department", "badge"])
    assert {key: values.tolist() for key, values in found.attributes.items()} == {
        "department": ["North", "", ""],
        "badge": ["7", "", ""],
    }
    assert third.department == ""


def test_groups_are_refused_where_they_name_nobody(tmp_path: Path) -> None:
    for arguments in (["--enrolled", "--groups", "groups.csv"], ["--folder", str(tmp_path), "--group-by", "site"]):
        with pytest.raises(CommandError, match="--group"):
            call_command("calibrate", *arguments, "--pack", "dlib")


def test_few_enrolled_people_give_no_policy(enrolled: np.ndarray, tmp_path: Path) -> None:
    said = StringIO()
    call_command("calibrate", "--enrolled", "--pack", "dlib", "--out", str(tmp_path), stdout=said)
    assert "no policy is proposed" in said.getvalue()
    assert "lower bound where people were enrolled once" in (tmp_path / f"{MODEL}.md").read_text()


def test_with_nobody_enrolled_there_is_nothing_to_measure() -> None:
    with pytest.raises(CommandError, match="nobody is enrolled"):
        call_command("calibrate", "--enrolled", "--pack", "dlib")
