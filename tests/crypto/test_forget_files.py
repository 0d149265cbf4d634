"""A file that must go is gone once the transaction has committed, however often that takes."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import transaction

from heirloom.crypto import files
from heirloom.crypto.models import ForgottenFile

pytestmark = pytest.mark.django_db(transaction=True)


def stored() -> str:
    subject = uuid.uuid4()
    return files.write(subject=subject, name=f"captures/{subject}", chunks=[b"a face"]).name


def test_it_goes_with_the_commit_and_not_before() -> None:
    name = stored()
    with transaction.atomic():
        files.forget([name])
        assert default_storage.exists(name)
    assert not default_storage.exists(name)
    assert not ForgottenFile.objects.exists()


def test_it_stays_when_the_transaction_fails() -> None:
    name = stored()
    with transaction.atomic():
        files.forget([name])
        transaction.set_rollback(True)
    assert default_storage.exists(name)


def test_what_the_storage_refuses_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    name = stored()
    folder = Path(default_storage.path(name))

    def broken(_: Any) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "delete", broken)
        files.forget([name])
    assert folder.exists()
    files.delete_forgotten()
    assert not folder.exists()
    assert not ForgottenFile.objects.exists()
