"""Where the web's vision calls are computed makes no difference to a client app."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from heirloom.jobs.models import VisionCall
from tests.cast import PASSWORD, make_cast
from tests.pictures import b64, landscape, retaken
from tests.portraits import Portrait
from tests.processes import Processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_passwords")]


@pytest.fixture(params=["local", "celery"])
def client(request: pytest.FixtureRequest, worker: Processes, vision_process: Path) -> Iterator[httpx.Client]:
    address = worker.web(VISION_MODE=request.param)
    make_cast()
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as http:
        tokens = http.post("/auth/token/", json={"username": "cleo", "password": PASSWORD}).json()
        http.headers["Authorization"] = f"Bearer {tokens['access']}"
        yield http
    worker.stop("web")


def test_the_same_calls_get_the_same_answers(client: httpx.Client, portraits: dict[str, Portrait]) -> None:
    hopper = portraits["hopper"]
    found = client.post("/detect/", json={"image_base64": b64(hopper.jpeg)}).json()
    assert found["faces_detected"] == 1
    pair = {"face1_image_base64": b64(hopper.jpeg), "face2_image_base64": b64(retaken(hopper))}
    assert client.post("/compare/", json=pair).json()["is_same_person"] is True
    refused = client.post("/compare/", json={**pair, "face2_image_base64": b64(landscape())})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "no_face")
    unknown = client.post("/compare/", json={**pair, "model_name": "facebook"})
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (400, "model_not_available")
    assert client.get(str(client.base_url.copy_with(path="/readyz"))).status_code == 200
    assert not VisionCall.objects.exists()
