from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings

from heirloom.api import oidc
from tests.api.conftest import cast, cleo, hana, rhea
from tests.security.oidc_issuer import AUDIENCE, Issuer

__all__ = ["cast", "cleo", "hana", "rhea"]


@pytest.fixture
def issuer(settings: Settings) -> Iterator[Issuer]:
    """An issuer that this installation trusts, whose roles stand in app_metadata."""
    with Issuer() as started:
        settings.OIDC_ISSUER, settings.OIDC_AUDIENCE = started.url, [AUDIENCE]
        settings.OIDC_ROLES_CLAIM, settings.OIDC_LOOPBACK = "app_metadata.heirloom_roles", True
        oidc.keys.cache_clear()
        cache.clear()
        yield started
    oidc.keys.cache_clear()
