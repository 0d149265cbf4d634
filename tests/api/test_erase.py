"""POST /people/{id}/erase/: nothing of a face or a name stays."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from enrollment.models import Capture, Consent, FaceTemplate, Person, PersonTemplate
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto.models import DataKey
from heirloom.reviews.models import Review
from tests.pictures import b64, retaken
from tests.portraits import Portrait
from verification.models import EvidenceFrame, Verification
from verification.services import evidence
from verification.services.evidence import KeptFrame
from verification.services.probes import Probe


def files_left() -> list[str]:
    folder = settings.VAR_DIR / "files"
    return [str(path) for path in folder.rglob("*") if path.is_file()]


def test_an_erased_person_leaves_nothing_that_shows_or_names_them(
    hana: APIClient,
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    django_capture_on_commit_callbacks: Any,
) -> None:
    person = enrolled["person_id"]
    probe = {"image_base64": b64(retaken(portraits["astronaut"])), "person_id": person}
    cleo.post("/api/v1/verifications/", probe, format="json")
    work()
    before = set(files_left())
    subjects = [person, *Capture.objects.values_list("subject", flat=True)]
    names = [
        *Capture.objects.values_list("storage_name", flat=True),
        *EvidenceFrame.objects.values_list("storage_name", flat=True),
    ]
    assert len(names) == 5
    assert Review.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert hana.post(f"/api/v1/people/{person}/erase/").status_code == 204
    for rows in (Person, Consent, Capture, FaceTemplate, PersonTemplate, EvidenceFrame, Review):
        assert not rows.objects.exists(), rows  # type: ignore[attr-defined]
    gone = before - set(files_left())
    assert all(any(path.endswith(name) for path in gone) for name in names)
    assert not DataKey.objects.filter(subject__in=subjects, wrapped__isnull=False).exists()
    assert Verification.objects.get().person is None


def test_a_person_erased_while_a_photo_is_judged_leaves_no_frame(
    hana: APIClient,
    cleo: APIClient,
    enrolled: dict[str, Any],
    work: Callable[[], None],
    portraits: dict[str, Portrait],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    person, kept = enrolled["person_id"], evidence.kept

    @contextmanager
    def erased_meanwhile(verification: Verification, probe: Probe) -> Iterator[Sequence[KeptFrame]]:
        with kept(verification, probe) as frames:
            assert frames
            assert hana.post(f"/api/v1/people/{person}/erase/").status_code == 204
            yield frames

    monkeypatch.setattr(evidence, "kept", erased_meanwhile)
    probe = {"image_base64": b64(retaken(portraits["astronaut"])), "person_id": person}
    cleo.post("/api/v1/verifications/", probe, format="json")
    with django_capture_on_commit_callbacks(execute=True):
        work()
    row = Verification.objects.get()
    assert (row.outcome != "", row.capture) == (True, None)
    assert not EvidenceFrame.objects.exists()
    assert not any(f"/frames/{row.id}/" in name for name in files_left())


def test_what_stays_in_the_audit_log_identifies_nobody(hana: APIClient, enrolled: dict[str, Any]) -> None:
    hana.post(f"/api/v1/people/{enrolled['person_id']}/erase/")
    assert AuditEvent.objects.filter(action=Action.PERSON_ERASED).exists()
    said = " ".join(str(event.details) for event in AuditEvent.objects.all())
    assert "Eileen" not in said
    assert "E-1" not in said
    assert audit.verify().intact
