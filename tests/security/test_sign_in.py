"""Guessing passwords is slow, and no name that is tried breaks anything."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from heirloom.embedded.programs import web
from tests.cast import PASSWORD, Cast

TOKEN = "/api/v1/auth/token/"
pytestmark = pytest.mark.django_db


def test_a_name_longer_than_any_is_refused_like_another() -> None:
    tried = {"username": "x" * 5000, "password": PASSWORD}
    assert APIClient().post(TOKEN, tried, format="json").status_code == 401
    assert Client().post("/sign-in/", tried).status_code == 200


def test_after_ten_wrong_passwords_the_right_one_is_refused_too(cast: Cast) -> None:
    for _ in range(10):
        APIClient().post(TOKEN, {"username": "cleo", "password": "wrong"}, format="json")
    right = {"username": "cleo", "password": PASSWORD}
    assert APIClient().post(TOKEN, right, format="json").status_code == 429
    assert Client().post("/sign-in/", right).status_code == 429


def test_nobody_says_for_themselves_where_they_come_from() -> None:
    assert "--no-proxy-headers" in web("127.0.0.1", 8000).command
