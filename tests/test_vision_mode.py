"""Where the web's vision calls are computed makes no difference to a client app."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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


def test_calls_at_once_are_all_answered(client: httpx.Client, portraits: dict[str, Portrait]) -> None:
    hopper, astronaut = (b64(portraits[name].jpeg) for name in ("hopper", "astronaut"))
    pairs = [(hopper, hopper), (hopper, astronaut)] * 4
    bodies = [{"face1_image_base64": first, "face2_image_base64": second} for first, second in pairs]
    with ThreadPoolExecutor(len(bodies)) as threads:
        answers = list(threads.map(lambda body: client.post("/compare/", json=body).json(), bodies))
    assert [answer["is_same_person"] for answer in answers] == [True, False] * 4


def test_what_is_counted_reaches_prometheus(client: httpx.Client) -> None:
    until(client, "/metrics", lambda answer: b'heirloom_vision_device{device="cpu"' in answer.content)


def test_a_crash_is_answered_with_503_until_vision_is_back(
    client: httpx.Client, worker: Processes, portraits: dict[str, Portrait]
) -> None:
    body = {"image_base64": b64(portraits["hopper"].jpeg)}
    worker.kill("vision")
    try:
        answer = client.post("/detect/", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "vision_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        worker.vision()
    assert client.post("/detect/", json=body).json()["faces_detected"] == 1


def until(client: httpx.Client, path: str, holds: Callable[[httpx.Response], bool]) -> None:
    """Ask by address until the answer is as wanted; a worker tells of its vision process every few seconds."""
    for _ in range(300):
        if holds(client.get(str(client.base_url.copy_with(path=path)))):
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} does not answer as it should")
