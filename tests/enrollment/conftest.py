import pytest
from rest_framework.test import APIClient

from tests.cast import Cast, caller, make_cast

CONSENT = {"policy_version": "2026-1", "given_at": "2026-01-05T00:00:00Z", "method": "written"}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def hana(cast: Cast) -> APIClient:
    return caller(cast.hana)
