"""The tus protocol, line by line: https://tus.io/protocols/resumable-upload."""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django.utils.http import parse_http_date
from pytest_django import Settings

from heirloom.crypto.models import DataKey
from heirloom.uploads import arriving, services
from heirloom.uploads.models import Upload, UploadPart
from tests.api.conftest import unknown_id
from tests.cast import Cast, caller
from tests.uploads.conftest import OCTETS, URL, Sender, attrs, codes, content

Stored = Callable[[], list[Path]]
METADATA = f"filename {base64.b64encode('Jürgen.mp4'.encode()).decode()},is_clip"


def checksum(body: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


def test_options_tell_version_extensions_and_limits(tus: Sender, settings: Settings) -> None:
    answer = tus.ask("OPTIONS", URL, Tus_Resumable=None)
    assert answer.status_code == 204
    assert (answer["Tus-Version"], answer["Tus-Resumable"]) == ("1.0.0", "1.0.0")
    assert answer["Tus-Extension"] == "creation,creation-with-upload,termination,checksum,expiration"
    assert int(answer["Tus-Max-Size"]) == settings.UPLOAD_MAX_CLIP_BYTES
    assert answer["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_a_file_arrives_in_several_requests(tus: Sender) -> None:
    path = tus.begin(10)
    assert tus.offset(path) == 0
    first = tus.send(path, b"01234", 0)
    assert (first.status_code, first["Upload-Offset"], first.content) == (204, "5", b"")
    assert tus.offset(path) == 5
    assert tus.send(path, b"56789", 5)["Upload-Offset"] == "10"
    assert content(path) == b"0123456789"


def test_creation_answers_where_to_send(tus: Sender) -> None:
    answer = tus.ask("POST", URL, Upload_Length=3)
    upload = Upload.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"{URL}{upload.id}/")
    assert answer.json()["id"] == str(upload.id)
    assert "Upload-Offset" not in answer.headers


def test_the_first_bytes_may_come_with_the_creation(tus: Sender) -> None:
    answer = tus.ask("POST", URL, b"01234", Upload_Length=10)
    assert (answer.status_code, answer["Upload-Offset"]) == (201, "5")
    assert tus.send(answer["Location"], b"56789", 5).status_code == 204
    assert content(answer["Location"]) == b"0123456789"


def test_a_creation_whose_first_bytes_are_refused_leaves_nothing(tus: Sender, storage: Stored) -> None:
    answer = tus.ask("POST", URL, b"01234", Upload_Length=10, Upload_Checksum=checksum(b"other"))
    assert (answer.status_code, codes(answer)) == (460, ["upload_checksum_mismatch"])
    assert not Upload.objects.exists()


def test_an_empty_upload_is_whole_at_once(tus: Sender) -> None:
    path = tus.begin(0)
    assert (tus.offset(path), content(path)) == (0, b"")


def test_head_tells_offset_length_and_what_was_said_of_the_file(tus: Sender) -> None:
    path = tus.begin(10, Upload_Metadata=METADATA)
    tus.send(path, b"abc", 0)
    answer = tus.ask("HEAD", path)
    assert (answer.status_code, answer["Cache-Control"], answer.content) == (200, "no-store", b"")
    assert (answer["Upload-Offset"], answer["Upload-Length"], answer["Upload-Metadata"]) == ("3", "10", METADATA)


def test_every_answer_tells_when_the_upload_is_given_up(tus: Sender) -> None:
    begun = tus.ask("POST", URL, Upload_Length=10)
    sent, asked = tus.send(begun["Location"], b"a", 0), tus.ask("HEAD", begun["Location"])
    ends = {parse_http_date(answer["Upload-Expires"]) for answer in (begun, sent, asked)}
    assert ends == {int(Upload.objects.get().expires_at.timestamp())}
    assert timedelta(hours=23) < Upload.objects.get().expires_at - timezone.now() <= timedelta(hours=24)


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1", ""])
def test_another_version_is_refused_before_anything_is_done(tus: Sender, version: str | None) -> None:
    path = tus.begin(3)
    answers = [
        tus.ask("POST", URL, Upload_Length=3, Tus_Resumable=version),
        tus.send(path, b"abc", 0, Tus_Resumable=version),
        tus.ask("DELETE", path, Tus_Resumable=version),
    ]
    for answer in answers:
        assert (answer.status_code, codes(answer)) == (412, ["tus_version_unsupported"])
        assert answer["Tus-Version"] == "1.0.0"
    assert tus.ask("HEAD", path, Tus_Resumable=version).status_code == 412
    assert (Upload.objects.count(), tus.offset(path)) == (1, 0)


def test_every_answer_names_the_version(tus: Sender) -> None:
    path = tus.begin(3)
    refused = tus.send(path, b"abc", 2)
    for answer in (tus.ask("HEAD", path), refused, tus.send(path, b"abc", 0), tus.ask("DELETE", path)):
        assert answer["Tus-Resumable"] == "1.0.0"


def test_a_wrong_offset_changes_nothing(tus: Sender) -> None:
    path = tus.begin(10)
    tus.send(path, b"01234", 0)
    for offset in (0, 4, 6, 10):
        answer = tus.send(path, b"567", offset)
        assert (answer.status_code, codes(answer), attrs(answer)) == (409, ["upload_offset_differs"], ["Upload-Offset"])
    assert (tus.offset(path), UploadPart.objects.count()) == (5, 1)


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/json", "multipart/form-data", "x/y"])
def test_bytes_of_another_type_are_refused(tus: Sender, content_type: str) -> None:
    path = tus.begin(3)
    answer = tus.ask("PATCH", path, b"abc", content_type=content_type, Upload_Offset=0)
    assert (answer.status_code, codes(answer)) == (415, ["unsupported_media_type"])
    assert tus.offset(path) == 0


def test_more_bytes_than_were_announced_are_refused(tus: Sender) -> None:
    path = tus.begin(5)
    tus.send(path, b"012", 0)
    answer = tus.send(path, b"345", 3)
    assert (answer.status_code, codes(answer)) == (413, ["too_many_bytes"])
    assert tus.offset(path) == 3


def test_a_larger_file_than_the_limit_is_refused_at_once(tus: Sender, settings: Settings) -> None:
    settings.UPLOAD_MAX_CLIP_BYTES = 100
    assert codes(tus.ask("POST", URL, Upload_Length=101)) == ["too_many_bytes"]
    assert tus.ask("POST", URL, Upload_Length=100).status_code == 201


def test_the_length_must_be_told_at_once(tus: Sender) -> None:
    assert attrs(tus.ask("POST", URL, Upload_Defer_Length=1)) == ["Upload-Defer-Length"]
    assert attrs(tus.ask("POST", URL)) == ["Upload-Length"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_bytes_that_meet_their_checksum_stay(tus: Sender, algorithm: str) -> None:
    path = tus.begin(5)
    assert tus.send(path, b"01234", 0, Upload_Checksum=checksum(b"01234", algorithm)).status_code == 204
    assert content(path) == b"01234"


def test_bytes_that_miss_their_checksum_go(
    tus: Sender, storage: Stored, monkeypatch: pytest.MonkeyPatch, committed: Callable[..., Any]
) -> None:
    monkeypatch.setattr(arriving, "PIECE_BYTES", 4)
    path = tus.begin(12)
    tus.send(path, b"0123", 0)
    before = storage()
    with committed():
        answer = tus.send(path, b"45678901", 4, Upload_Checksum=checksum(b"45678900"))
    assert (answer.status_code, codes(answer)) == (460, ["upload_checksum_mismatch"])
    assert (tus.offset(path), storage(), UploadPart.objects.count()) == (4, before, 1)
    assert tus.send(path, b"45678901", 4, Upload_Checksum=checksum(b"45678901")).status_code == 204
    assert content(path) == b"012345678901"


@pytest.mark.parametrize("value", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "sha1 !!!", "sha1 AAAA", "", "sha256"])
def test_a_checksum_that_cannot_be_read_is_refused(tus: Sender, value: str) -> None:
    path = tus.begin(5)
    answer = tus.send(path, b"01234", 0, Upload_Checksum=value)
    assert (answer.status_code, attrs(answer)) == (400, ["Upload-Checksum"])
    assert tus.offset(path) == 0


def test_a_terminated_upload_is_gone_with_its_bytes_and_key(
    tus: Sender, storage: Stored, committed: Callable[..., Any]
) -> None:
    path = tus.begin(10, Upload_Metadata=METADATA)
    tus.send(path, b"01234", 0)
    assert len(storage()) == 1
    with committed():
        answer = tus.ask("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (storage(), UploadPart.objects.count()) == ([], 0)
    assert not DataKey.objects.exclude(wrapped=None).filter(subject=path.split("/")[-2]).exists()
    assert tus.ask("HEAD", path).status_code == tus.send(path, b"5", 5).status_code == 404
    assert tus.ask("DELETE", path).status_code == 404


def test_an_expired_upload_is_gone_before_and_after_it_is_swept(
    tus: Sender, storage: Stored, committed: Callable[..., Any]
) -> None:
    path = tus.begin(10)
    tus.send(path, b"01234", 0)
    Upload.objects.update(expires_at=timezone.now())
    assert tus.ask("HEAD", path).status_code == 410
    assert codes(tus.send(path, b"5", 5)) == codes(tus.ask("DELETE", path)) == ["upload_gone"]
    with committed():
        assert services.sweep() == 1
    assert (storage(), Upload.objects.count()) == ([], 0)
    assert tus.ask("HEAD", path).status_code == 404


def test_another_method_may_be_named_where_it_cannot_be_sent(tus: Sender) -> None:
    path = tus.begin(3)
    named = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": 0}
    assert tus.ask("POST", path, b"abc", **named).status_code == 204
    assert tus.ask("GET", path, X_HTTP_Method_Override="HEAD")["Upload-Offset"] == "3"
    assert tus.ask("POST", path, X_HTTP_Method_Override="DELETE").status_code == 204
    for method in ("POST", "GET", "PUT"):
        assert tus.ask(method, path).status_code == 405


@pytest.mark.parametrize("value", ["-1", "1.5", "1e3", "0x10", "", " ", "1 2", "NaN", "9" * 400, "٣", "+1", "1\x00"])
def test_hostile_numbers_are_refused(tus: Sender, value: str) -> None:
    path = tus.begin(3)
    for answer in (tus.ask("POST", URL, Upload_Length=value), tus.send(path, b"abc", value)):  # type: ignore[arg-type]
        assert (answer.status_code, codes(answer)) == (400, ["validation_error"])
    assert (Upload.objects.count(), tus.offset(path)) == (1, 0)


@pytest.mark.parametrize(
    "value",
    ["name !!!", "name YQ", ",", "a YQ==,", "a YQ==,a YQ==", "ü YQ==", "a\x00 YQ==", "a " + "YWFh" * 2000, "a YQ== x"],
)
def test_hostile_metadata_is_refused(tus: Sender, value: str) -> None:
    answer = tus.ask("POST", URL, Upload_Length=3, Upload_Metadata=value)
    assert (answer.status_code, attrs(answer)) == (400, ["Upload-Metadata"])
    assert not Upload.objects.exists()


def test_nothing_is_stored_in_plain(tus: Sender, storage: Stored) -> None:
    body = b"plaintext of a face " * 1000
    path = tus.begin(len(body), Upload_Metadata=METADATA)
    tus.send(path, body, 0)
    sealed = b"".join(file.read_bytes() for file in storage())
    assert len(sealed) > len(body)
    assert b"plaintext" not in sealed
    assert METADATA[9:20].encode() not in bytes(Upload.objects.get().metadata_sealed or b"")


def test_an_upload_is_there_for_its_owner_alone(tus: Sender, cast: Cast) -> None:
    path = tus.begin(10)
    for other in (cast.carl, cast.hana, cast.ada):
        sender = Sender(caller(other))
        answers = [sender.ask("HEAD", path), sender.send(path, b"a", 0), sender.ask("DELETE", path)]
        assert {answer.status_code for answer in answers} == {404}
    assert tus.ask("HEAD", f"{URL}{unknown_id()}/").status_code == 404
    assert tus.offset(path) == 0


def test_who_hands_nothing_in_uploads_nothing(cast: Cast) -> None:
    from heirloom.accounts.services import create_login
    from tests.cast import PASSWORD

    nobody = Sender(caller(None))
    assert nobody.ask("POST", URL, Upload_Length=1).status_code == 401
    auditor = create_login(username="otto", password=PASSWORD, roles=("auditor",))
    assert Sender(caller(auditor)).ask("POST", URL, Upload_Length=1).status_code == 403


def test_one_login_may_have_only_so_much_open(tus: Sender, settings: Settings, cast: Cast) -> None:
    settings.UPLOAD_MAX_OPEN, settings.UPLOAD_QUOTA_BYTES = 2, 100
    first = tus.begin(60)
    assert codes(tus.ask("POST", URL, Upload_Length=41)) == ["upload_quota_reached"]
    tus.begin(40)
    answer = tus.ask("POST", URL, Upload_Length=0)
    assert (answer.status_code, codes(answer)) == (409, ["upload_quota_reached"])
    assert Sender(caller(cast.carl)).ask("POST", URL, Upload_Length=60).status_code == 201
    tus.ask("DELETE", first)
    tus.begin(60)


def test_sending_costs_as_many_questions_however_large_the_upload(
    tus: Sender, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "PIECE_BYTES", 100)
    path = tus.begin(3000)
    tus.send(path, b"x" * 2000, 0)
    with django_assert_max_num_queries(30):
        tus.send(path, b"x" * 100, 2000)
    with django_assert_max_num_queries(8):
        tus.ask("HEAD", path)


def test_a_later_request_takes_over(tus: Sender) -> None:
    path = tus.begin(12)
    upload = Upload.objects.get()

    def overtaken() -> Any:
        yield [b"01", b"23"]
        assert tus.send(path, b"4567", 4).status_code == 204
        yield [b"abcd"]

    with pytest.raises(Exception, match="later request") as refused:
        services.receive(upload=upload, offset=0, pieces=overtaken())
    assert refused.value.status == 423  # type: ignore[attr-defined]
    tus.send(path, b"8901", 8)
    assert content(path) == b"012345678901"
    assert UploadPart.objects.count() == 3


def test_an_upload_that_ends_while_bytes_arrive_takes_no_more(
    tus: Sender, storage: Stored, committed: Callable[..., Any]
) -> None:
    path = tus.begin(12)
    upload = Upload.objects.get()

    def ended() -> Any:
        yield [b"01", b"23"]
        assert tus.ask("DELETE", path).status_code == 204
        yield [b"4567"]

    with committed(), pytest.raises(Exception, match="no such upload"):
        services.receive(upload=upload, offset=0, pieces=ended())
    assert storage() == []


def test_what_came_before_a_break_stays(tus: Sender) -> None:
    path = tus.begin(12)

    def broken() -> Any:
        yield [b"01", b"23"]
        yield [b"45"]
        raise arriving.BrokenOffError

    with pytest.raises(arriving.BrokenOffError):
        services.receive(upload=Upload.objects.get(), offset=0, pieces=broken())
    assert tus.offset(path) == 6


def test_the_schema_names_the_headers_of_each_request_and_answer() -> None:
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    post, one = paths[URL]["post"], paths[f"{URL}{{upload_id}}/"]
    assert {"Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Checksum"} == asked(post)
    assert {"Location", "Upload-Offset", "Upload-Expires"} == set(post["responses"]["201"]["headers"])
    assert {"Tus-Resumable", "Upload-Offset", "Upload-Checksum"} == asked(one["patch"])
    assert {"Upload-Offset", "Upload-Expires"} == set(one["patch"]["responses"]["204"]["headers"])
    assert set(post["requestBody"]["content"]) == {OCTETS}
    assert asked(one["delete"]) == {"Tus-Resumable"}


def asked(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"}
