"""An image in base64: with or without a data URL's prefix, in either alphabet, however it is broken into lines."""

import base64
from textwrap import fill
from typing import Any

import pytest
from rest_framework.test import APIClient

from heirloom.api.images import decoded
from tests.pictures import b64
from tests.portraits import Portrait

# Bytes whose base64 has both letters in which the alphabets differ, and padding.
DATA = bytes(range(256)) + b"\xfb\xff\xfe"
PLAIN, SAFE = base64.b64encode(DATA).decode(), base64.urlsafe_b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        SAFE,
        SAFE.rstrip("="),
        PLAIN.rstrip("="),
        fill(PLAIN, 76) + "\r\n",
        f"data:image/jpeg;base64,{PLAIN}",
        f"DATA:image/jpeg;name=a.jpg;base64,{SAFE}",
        f"data:;base64,\n {fill(PLAIN, 64)}",
    ],
)
def test_every_spelling_is_the_same_bytes(text: str) -> None:
    assert decoded(text) == DATA


@pytest.mark.parametrize("text", ["!", "abc$", PLAIN + "=", PLAIN[:-5], "data:image/jpeg", "\u00e4bcd", "data:,"])
def test_anything_else_is_refused(cleo: APIClient, text: Any) -> None:
    answer = cleo.post("/api/v1/detect/", {"image_base64": text}, format="json")
    assert answer.status_code in {400, 415}, answer.content


@pytest.mark.parametrize("value", [5, True, ["a"], {"a": "b"}, None])
def test_what_is_no_text_is_400(cleo: APIClient, value: Any) -> None:
    answer = cleo.post("/api/v1/detect/", {"image_base64": value}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "image_base64")


@pytest.mark.usefixtures("vision_process")
def test_a_browsers_data_url_is_taken_everywhere(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    url = f"data:image/jpeg;base64,{b64(portraits['hopper'].jpeg)}"
    assert cleo.post("/api/v1/detect/", {"image_base64": url}, format="json").json()["faces_detected"] == 1
    pair = {"face1_image_base64": url, "face2_image_base64": url}
    assert cleo.post("/api/v1/compare/", pair, format="json").json()["is_same_person"]
    answer = cleo.post("/api/v1/verifications/", {"image_base64": url, "person_id": "nobody"}, format="json")
    assert answer.status_code == 202  # a claim of nobody is taken like any other
