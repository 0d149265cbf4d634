from collections.abc import Iterator
from io import StringIO
from uuid import uuid4

import pytest
import pytest_django
from django.core.management import call_command
from django.core.management.base import CommandError

from heirloom.audit.models import AuditEvent
from heirloom.crypto import keys, services
from heirloom.crypto.places import Place
from tests.audit.rings import use_ring

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ring_of_this_test(settings: pytest_django.Settings) -> Iterator[None]:
    use_ring(settings, old=1)
    yield
    keys.ring.cache_clear()


def test_a_rotation_is_done_once_and_recorded_without_a_key(settings: pytest_django.Settings) -> None:
    subject = uuid4()
    sealed = services.seal(subject=subject, plaintext=b"x", place=Place("t.c", ("1",)))
    use_ring(settings, new=2, old=1)
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    call_command("rotate_keys", stdout=out)
    assert out.getvalue().splitlines()[1].startswith("0 data keys")
    event = AuditEvent.objects.get()
    assert (event.action, event.details) == ("keys.rotated", {"ring_key": "new", "data_keys": 1})
    use_ring(settings, new=2)
    assert services.unseal(subject=subject, sealed=sealed, place=Place("t.c", ("1",))) == b"x"


def test_a_key_that_was_removed_too_soon_is_named(settings: pytest_django.Settings) -> None:
    services.seal(subject=uuid4(), plaintext=b"x", place=Place("t.c", ("1",)))
    use_ring(settings, new=2)
    with pytest.raises(CommandError, match="lacks old"):
        call_command("rotate_keys")
