"""Frames of evidence are seen by links that one caller is given for one frame, for a minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from heirloom.api import keys
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto import files
from tests.api.conftest import codes
from tests.cast import Cast, caller, key_caller
from tests.house import things_of
from tests.pictures import landscape
from verification.api import frame_links
from verification.models import EvidenceFrame, Verification


@pytest.fixture
def row(cast: Cast, settings: Any) -> Verification:
    """A verification of Cleo's, who may see its two frames."""
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    cast.cleo.scopes = ["evidence:read"]
    cast.cleo.save()
    verification = things_of(cast.cleo).verification
    second = EvidenceFrame(verification=verification, number=1, width=640, height=480)
    second.storage_name = second.file_place
    files.write(subject=verification.capture.subject, name=second.storage_name, chunks=[landscape()])
    second.save()
    return verification


def links(client: APIClient, row: Verification) -> list[str]:
    return [frame["link"] for frame in client.get(f"/api/v1/verifications/{row.id}/").json()["frames"]]


def test_a_link_shows_its_frame_and_each_look_is_noted(cleo: APIClient, row: Verification) -> None:
    for number, link in enumerate(links(cleo, row)):
        shown = cleo.get(link)
        assert (shown.status_code, shown["Content-Type"], shown["Cache-Control"]) == (200, "image/jpeg", "no-store")
        assert AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED).latest("sequence").details == {"frame": number}


def test_it_is_good_for_a_minute(cleo: APIClient, row: Verification, monkeypatch: pytest.MonkeyPatch) -> None:
    link = links(cleo, row)[0]
    now = datetime.now(UTC).timestamp()
    for later, status in ((55, 200), (65, 403)):
        monkeypatch.setattr("django.core.signing.time.time", lambda later=later: now + later)
        assert cleo.get(link).status_code == status
    assert timedelta(seconds=frame_links.GOOD_FOR_S) == timedelta(minutes=1)


def test_it_shows_no_other_frame_and_none_without_it(cleo: APIClient, row: Verification) -> None:
    first, second = links(cleo, row)
    path, token = first.split("?")
    for wrong in (path, f"{path}?token=", f"{path}?token=x:y:z", f"{path}?{token}x", f"{second.split('?')[0]}?{token}"):
        answer = cleo.get(wrong)
        assert (answer.status_code, codes(answer)) == (403, ["link_expired"]), wrong
    assert not AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED).exists()


def test_it_is_of_use_to_nobody_else(cast: Cast, cleo: APIClient, row: Verification) -> None:
    link = links(cleo, row)[0]
    assert caller(None).get(link).status_code == 401
    assert caller(cast.carl).get(link).status_code == 404
    assert caller(cast.rhea).get(link).status_code == 403
    issued = [keys.create(owner=cast.cleo, name=name, actor=cast.cleo, scopes=["evidence:read"]) for name in "ab"]
    one, other = (key_caller(each.secret) for each in issued)
    assert one.get(link).status_code == 403
    of_one = links(one, row)[0]
    assert (one.get(of_one).status_code, other.get(of_one).status_code, cleo.get(of_one).status_code) == (200, 403, 403)


def test_a_link_does_not_outlive_the_right_to_look(cast: Cast, cleo: APIClient, row: Verification) -> None:
    link = links(cleo, row)[0]
    cast.cleo.scopes = []
    cast.cleo.save()
    assert cleo.get(link).status_code == 404
