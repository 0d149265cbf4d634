"""A transcoder elsewhere: who may be sent there, by which link, what it may tell, and what is left of it all."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import av
import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from enrollment import checks
from enrollment.models import Capture, CaptureLink, Person, TranscoderNotice
from enrollment.services import captures, consents, links, notices, people
from enrollment.services.erasure import erase_captures
from heirloom.audit.models import Action, AuditEvent
from heirloom.errors import Refusal
from tests.cast import make_cast
from tests.media.zencoder_server import KEY, ZencoderServer
from tests.pictures import clip as film_of
from tests.portal.conftest import signed_in
from tests.portraits import Portrait
from tests.processes import Processes

ROOT = Path(__file__).parents[2]
SECRET = "a secret of 32 or more characters"
NAMES_IT = "2026-1+zencoder"


@pytest.fixture(scope="session")
def film(portraits: dict[str, Portrait], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film_of(portraits["astronaut"], tmp_path_factory.mktemp("film")).read_bytes()


@pytest.fixture
def chosen(settings: Settings) -> Settings:
    """TRANSCODER=zencoder, as an installation would have it."""
    settings.TRANSCODER, settings.CONSENT_POLICY_VERSION = "zencoder", NAMES_IT
    settings.ZENCODER_API_KEY, settings.ZENCODER_NOTIFICATION_SECRET = KEY, SECRET
    settings.PUBLIC_URL, settings.ZENCODER_URL = "https://id.example.org", "https://app.zencoder.com/api/v2/"
    return settings


@pytest.fixture
def zencoder(tmp_path: Path) -> Iterator[ZencoderServer]:
    with ZencoderServer(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def web(processes: Processes, django_db_setup: None) -> Iterator[str]:
    """A real web server whose doors for the transcoder stand open."""
    yield processes.web(TRANSCODER="zencoder", ZENCODER_NOTIFICATION_SECRET=SECRET)
    processes.stop("web")


@pytest.fixture
def both(chosen: Settings, web: str, zencoder: ZencoderServer) -> ZencoderServer:
    """This installation and Zencoder, each within the other's reach."""
    chosen.PUBLIC_URL, chosen.ZENCODER_URL = web, zencoder.base_url
    return zencoder


def person_who_agreed(to: str = NAMES_IT) -> Person:
    person = people.create_person(full_name="Eileen Collins", actor=None)
    given_at = datetime(2026, 1, 5, tzinfo=UTC)
    consents.give(person=person, policy_version=to, method="written", given_at=given_at, actor=None)
    return person


def received(film: bytes) -> Capture:
    with captures.stored([[film]]) as (kept,):
        capture = captures.row(kept, source="api")
        capture.save()
    return capture


def path(address: str) -> str:
    return urlsplit(address).path


def body_of(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_frames_come_from_elsewhere_by_a_link_that_is_over_afterwards(both: ZencoderServer, film: bytes) -> None:
    both.told = 2
    capture = received(film)

    images = captures.read_images(capture, most_frames=4, shows=person_who_agreed())

    assert len(images) == 4
    assert (capture.width, capture.height) == (images[0].width, images[0].height) == (480, 480)
    (job,) = both.jobs.values()
    assert job.order["input"].startswith("http://127.0.0.1:")
    assert httpx.get(job.order["input"]).status_code == 404
    assert not CaptureLink.objects.exists()
    for thread in both.work:
        thread.join(10)
    assert both.answers_told == [204, 204]
    assert TranscoderNotice.objects.get().state == "finished"
    done = AuditEvent.objects.filter(subject_id=capture.id).order_by("sequence").values_list("action", flat=True)
    assert list(done) == [Action.CAPTURE_OFFERED, Action.CAPTURE_FETCHED]


@pytest.mark.django_db(transaction=True)
def test_the_copy_for_reviewers_comes_from_elsewhere(both: ZencoderServer, film: bytes) -> None:
    with captures.evidence_of(received(film), shows=person_who_agreed()) as made, av.open(str(made.clip)) as opened:
        assert opened.streams.video[0].codec_context.name == "h264"
        folder = made.clip.parent

    assert len(both.jobs) == 1
    assert not folder.exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_leaves_no_link(both: ZencoderServer, film: bytes) -> None:
    both.faults["POST create"] = [402]

    with pytest.raises(Refusal) as caught:
        captures.read_images(received(film), shows=person_who_agreed())

    assert (caught.value.code, caught.value.status) == ("transcoder_unpaid", 503)
    assert not CaptureLink.objects.exists()


@pytest.mark.django_db
def test_only_clips_of_people_who_agreed_to_it_leave_this_machine(
    chosen: Settings, zencoder: ZencoderServer, film: bytes
) -> None:
    chosen.ZENCODER_URL = zencoder.base_url
    withdrawn = person_who_agreed()
    consents.withdraw(consent=withdrawn.consents.get(), actor=None)

    for shows in (None, person_who_agreed("2026-1"), withdrawn, Person.objects.create(full_name="Nobody asked")):
        assert len(captures.read_images(received(film), most_frames=2, shows=shows)) == 2
    assert not zencoder.calls


@pytest.mark.django_db
def test_no_clip_leaves_this_machine_unless_that_is_set(
    settings: Settings, zencoder: ZencoderServer, film: bytes
) -> None:
    assert settings.TRANSCODER == "ffmpeg"
    settings.ZENCODER_URL = zencoder.base_url

    assert captures.read_images(received(film), shows=person_who_agreed(settings.CONSENT_POLICY_VERSION))
    assert not zencoder.calls


@pytest.mark.django_db
def test_a_link_gives_the_clip_once(chosen: Settings, film: bytes, client: Client) -> None:
    with links.offered(received(film)) as address:
        assert address.startswith("https://id.example.org/transcoder/clips/")
        head = client.head(path(address))
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(film)))
        part = client.get(path(address), headers={"Range": "bytes=10-19"})
        assert (part.status_code, body_of(part)) == (206, film[10:20])
        whole = client.get(path(address))
        assert (whole.headers["Content-Type"], body_of(whole)) == ("video/mp4", film)
        assert "no-store" in whole.headers["Cache-Control"]

        assert client.get(path(address)).status_code == 404


@pytest.mark.django_db
def test_a_link_ends_with_its_time_its_uses_its_job_and_its_capture(
    chosen: Settings, film: bytes, client: Client
) -> None:
    with ExitStack() as stack:
        late, used, done, erased = (stack.enter_context(links.offered(received(film))) for _ in range(4))
        assert len({late, used, done, erased}) == 4

        CaptureLink.objects.filter(pk=_stored(late)).update(expires_at=timezone.now() - timedelta(seconds=1))
        assert client.get(path(late)).status_code == 404
        for _ in range(links.MOST_REQUESTS):
            assert client.head(path(used)).status_code == 200
        assert client.head(path(used)).status_code == 404
        erase_captures([CaptureLink.objects.get(pk=_stored(erased)).capture])
        assert client.get(path(erased)).status_code == 404
        assert client.head(path(done)).status_code == 200
    assert client.head(path(done)).status_code == 404
    assert not CaptureLink.objects.exists()


@pytest.mark.django_db
def test_a_link_cannot_be_guessed_and_is_not_kept(chosen: Settings, film: bytes, client: Client) -> None:
    with links.offered(received(film)) as address:
        token = path(address).split("/")[-2]
        assert len(token) >= 43
        assert token not in json.dumps(list(CaptureLink.objects.values("token_sha256")))
        assert client.get(path(address).replace(token, token[:-1])).status_code == 404
        assert client.post(path(address)).status_code == 405


@pytest.mark.django_db
def test_the_doors_are_shut_unless_a_transcoder_elsewhere_is_set(chosen: Settings, film: bytes, client: Client) -> None:
    told = notices.address(uuid.uuid4())
    with links.offered(received(film)) as address:
        chosen.TRANSCODER = "ffmpeg"
        assert client.get(path(address)).status_code == 404
        assert tell(client, told.address, dict(told.headers)) == 404


def tell(client: Client, address: str, headers: dict[str, str], job: object = 7, state: str = "finished") -> int:
    body = {"job": {"id": job, "state": state, "pass_through": "x", "test": False}, "input": {}, "outputs": []}
    return client.post(path(address), body, content_type="application/json", headers=headers).status_code


@pytest.mark.django_db
def test_a_notification_is_heard_once(chosen: Settings, client: Client) -> None:
    order = uuid.uuid4()
    told = notices.address(order)
    assert notices.ended(order) is None

    assert tell(client, told.address, dict(told.headers), state="processing") == 204
    assert notices.ended(order) is None
    for _ in range(3):
        assert tell(client, told.address, dict(told.headers)) == 204

    assert notices.ended(order) == "finished"
    assert TranscoderNotice.objects.count() == 2
    assert not notices.take(order=order, job=7, state="finished")


@pytest.mark.django_db
def test_a_forged_notification_is_not_heard(chosen: Settings, client: Client) -> None:
    order = uuid.uuid4()
    told, other = notices.address(order), notices.address(uuid.uuid4())
    forged = ({}, dict(other.headers), {notices.SIGNATURE_HEADER: ""}, {notices.SIGNATURE_HEADER: "é"})

    for headers in forged:
        assert tell(client, told.address, headers) == 404
    chosen.ZENCODER_NOTIFICATION_SECRET = "another secret than the one before"
    assert tell(client, told.address, dict(told.headers)) == 404
    assert not TranscoderNotice.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("job", "state"), [("7", "finished"), (7, "done"), (0, "failed"), (2**63, "failed"), (None, "x")]
)
def test_a_notification_of_nonsense_is_refused(chosen: Settings, client: Client, job: object, state: str) -> None:
    told = notices.address(uuid.uuid4())

    assert tell(client, told.address, dict(told.headers), job, state) == 400
    assert not TranscoderNotice.objects.exists()


@pytest.mark.django_db
def test_old_notices_are_forgotten(chosen: Settings) -> None:
    notices.take(order=uuid.uuid4(), job=1, state="finished")
    TranscoderNotice.objects.update(received_at=timezone.now() - timedelta(days=2))

    notices.take(order=uuid.uuid4(), job=2, state="finished")

    assert TranscoderNotice.objects.get().job == 2


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ZENCODER_API_KEY", "", "heirloom.E001"),
        ("PUBLIC_URL", "", "heirloom.E002"),
        ("PUBLIC_URL", "http://id.example.org", "heirloom.E002"),
        ("ZENCODER_NOTIFICATION_SECRET", "short", "heirloom.E003"),
        ("ZENCODER_URL", "http://app.zencoder.com/api/v2/", "heirloom.E004"),
    ],
)
def test_nothing_starts_with_half_a_transcoder(chosen: Settings, name: str, value: str, fault: str) -> None:
    assert checks.transcoder() == []

    setattr(chosen, name, value)

    (found,) = checks.transcoder()
    assert (found.id, found.is_serious()) == (fault, True)
    chosen.TRANSCODER = "ffmpeg"
    assert checks.transcoder() == []


def test_a_command_refuses_to_start_without_what_it_needs() -> None:
    said = manage("check", TRANSCODER="zencoder")

    assert said.returncode != 0
    for fault in ("heirloom.E001", "heirloom.E002", "heirloom.E003"):
        assert fault in said.stderr


def test_the_version_of_the_consent_text_tells_that_it_names_the_service() -> None:
    shown = "from django.conf import settings; print(settings.CONSENT_POLICY_VERSION)"
    said = manage("shell", "--no-imports", "-c", shown, TRANSCODER="zencoder", ZENCODER_API_KEY="x",
                  PUBLIC_URL="https://id.example.org", ZENCODER_NOTIFICATION_SECRET=SECRET)  # fmt: skip

    assert said.stdout.strip() == NAMES_IT


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    needed = {"SECRET_KEY": "x", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "DATABASE_POOL": "0"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HEIRLOOM_ENV_FILE": "/dev/null", **needed, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.django_db
def test_the_consent_text_names_the_service_when_clips_are_sent_there(chosen: Settings) -> None:
    hana = signed_in(make_cast().hana)

    def text() -> str:
        return hana.get("/people/enroll/").content.decode()

    assert "Zencoder" in text()
    assert f"Text version {NAMES_IT}" in text()
    chosen.TRANSCODER, chosen.CONSENT_POLICY_VERSION = "ffmpeg", "2026-1"
    assert "Zencoder" not in text()


def _stored(address: str) -> str:
    return links._hash(path(address).split("/")[-2])
