"""POST /detect/ and /detect-upload/: the faces of a photo."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image as PillowImage
from rest_framework.test import APIClient

from tests.api.conftest import codes
from tests.pictures import b64, jpeg, landscape, side_by_side
from tests.portraits import Portrait

pytestmark = pytest.mark.usefixtures("vision_process")


def test_every_face_is_found_with_its_quality(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    both = side_by_side(portraits["hopper"], portraits["astronaut"])
    answer = cleo.post("/api/v1/detect/", {"image_base64": b64(both), "return_landmarks": True}, format="json").json()
    assert answer["faces_detected"] == 2
    for face in answer["faces"]:
        assert 0.5 <= face["confidence"] <= 1
        assert 40 <= face["quality"]["score"] <= 100
        assert len(face["landmarks"]) in {5, 68}


def test_a_second_face_is_seen_at_any_size_of_the_picture(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    both = PillowImage.open(BytesIO(side_by_side(portraits["hopper"], portraits["astronaut"])))
    for factor in (0.75, 1, 1.5, 3, 6):
        picture = both.resize((round(both.width * factor), round(both.height * factor)))
        answer = cleo.post("/api/v1/detect/", {"image_base64": b64(jpeg(picture))}, format="json").json()
        assert answer["faces_detected"] == 2, factor


def test_no_face_is_an_answer(cleo: APIClient) -> None:
    answer = cleo.post("/api/v1/detect/", {"image_base64": b64(landscape())}, format="json")
    assert answer.status_code == 200
    assert answer.json()["faces_detected"] == 0


def test_boxes_are_in_pixels_of_the_picture_that_was_sent(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    small = portraits["astronaut"].pillow()
    large = small.resize((small.width * 8, small.height * 8))
    boxes = []
    for picture in (small, large):
        answer = cleo.post("/api/v1/detect/", {"image_base64": b64(jpeg(picture))}, format="json").json()
        assert answer["image_info"] == {"width": picture.width, "height": picture.height, "channels": 3}
        boxes.append(answer["faces"][0]["bbox"])
    assert boxes[1]["width"] == pytest.approx(boxes[0]["width"] * 8, rel=0.2)


def test_faces_below_the_asked_quality_are_counted_not_shown(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    body = {"image_base64": b64(portraits["hopper"].jpeg), "min_quality_threshold": 100}
    answer = cleo.post("/api/v1/detect/", body, format="json").json()
    assert (answer["faces_detected"], answer["faces_below_quality"]) == (0, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_an_upload_may_have_any_of_the_taken_formats(
    cleo: APIClient, portraits: dict[str, Portrait], kind: str
) -> None:
    file = BytesIO()
    file.name = f"photo.{kind.lower()}"
    portraits["hopper"].pillow().save(file, kind)
    file.seek(0)
    answer = cleo.post("/api/v1/detect-upload/", {"file": file}, format="multipart").json()
    assert answer["faces_detected"] == 1
    assert answer["filename"] == file.name


def test_a_picture_of_too_many_pixels_is_refused(cleo: APIClient) -> None:
    bomb = BytesIO()
    PillowImage.new("1", (20_000, 20_000)).save(bomb, "PNG")
    answer = cleo.post("/api/v1/detect/", {"image_base64": b64(bomb.getvalue())}, format="json")
    assert (answer.status_code, codes(answer)) == (413, ["too_many_pixels"])


def test_a_text_called_jpg_is_refused(cleo: APIClient) -> None:
    file = BytesIO(b"this is not a picture")
    file.name = "photo.jpg"
    answer = cleo.post("/api/v1/detect-upload/", {"file": file}, format="multipart")
    assert (answer.status_code, codes(answer)) == (415, ["unsupported_format"])


def test_the_quality_asked_for_is_on_a_scale_to_100(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    picture = b64(side_by_side(portraits["hopper"], portraits["astronaut"]))
    scores = sorted(face["quality"]["score"] for face in detect(cleo, picture, min_quality_threshold=0)["faces"])
    assert 1 < scores[0] < scores[1] <= 100
    found = detect(cleo, picture, min_quality_threshold=(scores[0] + scores[1]) / 2)
    assert (found["faces_detected"], found["faces_below_quality"]) == (1, 1)
    assert found["faces"][0]["quality"]["score"] == scores[1]


def test_at_most_so_many_faces_are_told_the_largest(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    picture = b64(side_by_side(portraits["hopper"], portraits["astronaut"]))
    every = detect(cleo, picture, max_faces=50)["faces"]
    largest = sorted(every, key=lambda face: -face["bbox"]["width"] * face["bbox"]["height"])
    for most in (1, 2):
        assert detect(cleo, picture, max_faces=most)["faces"] == largest[:most]


def test_no_two_boxes_overlap_more_than_is_allowed(cleo: APIClient, portraits: dict[str, Portrait]) -> None:
    picture = b64(cheek_to_cheek(portraits["astronaut"]))
    for allowed, at_least in ((0.4, 0.05), (0.02, 0.0)):
        told = detect(cleo, picture, iou_threshold=allowed, min_quality_threshold=0)
        first, second = (face["bbox"] for face in told["faces"])
        assert at_least <= overlap(first, second) <= allowed


def detect(client: APIClient, image: str, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/detect/", {"image_base64": image, **asked}, format="json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def cheek_to_cheek(portrait: Portrait) -> bytes:
    """Return a face beside itself, so close that the boxes overlap by a tenth."""
    whole = PillowImage.new("RGB", (560, 480), (120, 120, 120))
    whole.paste(portrait.pillow().crop((140, 40, 330, 260)), (60, 40))
    whole.paste(portrait.pillow().crop((168, 62, 290, 200)), (172, 62))
    return jpeg(whole)


def overlap(a: dict[str, float], b: dict[str, float]) -> float:
    """Return intersection over union."""
    across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
    common = max(0.0, across) * max(0.0, down)
    return common / (a["width"] * a["height"] + b["width"] * b["height"] - common)
