"""What an attack check says is returned, never raised; and what the file itself says counts."""

from io import BytesIO

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import codes
from tests.pictures import b64, landscape
from tests.portraits import Portrait

pytestmark = pytest.mark.usefixtures("vision_process")
URL = "/api/v1/anti-spoofing/"


def by_program(portrait: Portrait, name: str) -> bytes:
    picture, buffer = portrait.pillow(), BytesIO()
    exif = picture.getexif()
    exif[0x0131] = name
    picture.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_that_it_could_not_tell_is_an_answer(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    answer = cleo.post(URL, {"image_base64": b64(portraits["hopper"].jpeg)}, format="json")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["outcome"], told["why"], told["reasons"]) == ("inconclusive", "not_installed", [])
    assert told["attack_score"] is None


def test_a_photo_that_names_a_virtual_camera_is_an_attack(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    photo = by_program(portraits["hopper"], "OBS Virtual Camera")
    told = cleo.post(URL, {"image_base64": b64(photo)}, format="json").json()
    assert (told["outcome"], told["reasons"]) == ("attack", ["possible_injection"])


def test_nobody_to_judge_is_refused(cleo: APIClient) -> None:
    answer = cleo.post(URL, {"image_base64": b64(landscape())}, format="json")
    assert (answer.status_code, codes(answer)) == (422, ["no_face"])
