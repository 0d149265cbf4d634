from uuid import UUID

import pytest
from django.test import Client

from heirloom.accounts.models import User
from heirloom.audit.models import Action
from heirloom.audit.services import record
from tests.cast import just_signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("auditor"))
    just_signed_in(client)
    return client


def test_an_auditor_reads_the_log(auditor: Client) -> None:
    record(action=Action.REVIEW_DECIDED, subject_kind="verification", subject_id=UUID(int=7))
    assert str(UUID(int=7)) in auditor.get("/admin/audit/auditevent/").content.decode()
    assert auditor.get("/admin/audit/auditevent/1/change/").status_code == 200


def test_nobody_adds_changes_or_deletes_there(auditor: Client) -> None:
    record(action=Action.REVIEW_DECIDED, subject_kind="verification", subject_id=UUID(int=7))
    assert auditor.get("/admin/audit/auditevent/add/").status_code == 403
    assert auditor.post("/admin/audit/auditevent/1/change/", {"action": "x"}).status_code == 403
    assert auditor.post("/admin/audit/auditevent/1/delete/", {"post": "yes"}).status_code == 403


def test_the_log_is_read_with_few_queries(auditor: Client, django_assert_max_num_queries: object) -> None:
    for _ in range(30):
        record(action=Action.REVIEW_DECIDED, subject_kind="verification", subject_id=UUID(int=7))
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        auditor.get("/admin/audit/auditevent/")
