"""The ZIP of an import: photos are found by the names that people write, and nothing in it does harm."""

import io
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Callable

import pytest

from enrollment.services.imports import archives
from enrollment.services.imports.archives import Archive
from heirloom.errors import Refusal
from tests.sheets import zipped

MOST = 2_000_000
PHOTO = b"\xff\xd8\xff photo"


def opened(data: bytes) -> Archive:
    return Archive(io.BytesIO(data), most_photo_bytes=MOST)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as told:
        act()
    return told.value.code


def made(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "asked", ["anna.jpg", "photos/anna.jpg", "photos\\anna.jpg", "./photos/anna.jpg", "ANNA.JPG", "Photos/Anna.jpg"]
)
def test_a_photo_is_found_whatever_the_case_and_the_folder(asked: str) -> None:
    assert opened(zipped({"photos/anna.jpg": PHOTO})).read(asked) == PHOTO


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_may_be_written_in_either_way(form: str) -> None:
    name = unicodedata.normalize(form, "josé.jpg")
    for asked in ("NFC", "NFD"):
        assert opened(zipped({name: PHOTO})).read(unicodedata.normalize(asked, "josé.jpg")) == PHOTO


def test_names_in_utf_8_are_understood_though_the_zip_does_not_say_so() -> None:
    data = zipped({"jos\u00e9.jpg": PHOTO}).replace(struct.pack("<H", 0x800), struct.pack("<H", 0))
    assert opened(data).read("josé.jpg") == PHOTO


def test_what_systems_add_by_themselves_is_no_photo() -> None:
    data = zipped({"__MACOSX/photos/._anna.jpg": b"x", "photos/anna.jpg": PHOTO, "photos/.DS_Store": b"x"})
    assert opened(data).read("anna.jpg") == PHOTO
    assert code_of(lambda: opened(data).read("._anna.jpg")) == "photo_missing"


def test_a_name_written_just_so_wins_over_others_like_it() -> None:
    archive = opened(zipped({"anna.jpg": PHOTO, "ANNA.jpg": b"another", "b/anna.jpg": b"a third"}))
    assert (archive.read("anna.jpg"), archive.read("b/anna.jpg")) == (PHOTO, b"a third")
    assert code_of(lambda: archive.read("Anna.jpg")) == "photo_ambiguous"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_entries_with_one_name_neither_is_taken() -> None:
    assert code_of(lambda: opened(made(("a.jpg", PHOTO), ("a.jpg", b"another"))).read("a.jpg")) == "photo_ambiguous"


def test_a_photo_that_is_not_there_is_missing() -> None:
    assert code_of(lambda: opened(zipped({"a.jpg": PHOTO})).read("b.jpg")) == "photo_missing"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\secret.jpg", "a/../../b.jpg", "..\\b.jpg"])
def test_names_that_lead_out_of_the_zip_name_nothing(name: str) -> None:
    archive = opened(zipped({name: PHOTO, "good.jpg": PHOTO}))
    assert code_of(lambda: archive.read(name)) == "photo_missing"
    assert archive.read("good.jpg") == PHOTO


def test_a_link_is_not_followed() -> None:
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert code_of(lambda: opened(made((info, b"/etc/passwd"))).read("a.jpg")) == "archive_entry_unusable"


def test_a_locked_entry_is_told() -> None:
    data = bytearray(zipped({"a.jpg": PHOTO}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    assert code_of(lambda: opened(bytes(data)).read("a.jpg")) == "archive_entry_unusable"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_to_compress_that_take_any_memory_are_not_taken(method: int) -> None:
    assert code_of(lambda: opened(zipped({"a.jpg": PHOTO}, method=method)).read("a.jpg")) == "archive_entry_unusable"


def test_a_wrong_checksum_is_told_of_its_photo_alone() -> None:
    data = bytearray(zipped({"a.jpg": b"\xff\xd8\xff AAAA", "b.jpg": PHOTO}))
    data[data.index(b"AAAA")] ^= 1
    archive = opened(bytes(data))
    assert code_of(lambda: archive.read("a.jpg")) == "archive_entry_unusable"
    assert archive.read("b.jpg") == PHOTO


def test_a_bomb_goes_off_nowhere() -> None:
    archive = opened(zipped({"bomb.jpg": bytes(MOST - 1), "large.jpg": bytes(MOST + 1)}, method=zipfile.ZIP_DEFLATED))
    assert code_of(lambda: archive.read("bomb.jpg")) == "archive_entry_unusable"
    assert code_of(lambda: archive.read("large.jpg")) == "too_many_bytes"


def test_an_entry_that_says_it_is_small_unpacks_no_further() -> None:
    data = zipped({"a.jpg": bytes(50_000_000)}, method=zipfile.ZIP_DEFLATED)
    lying = data.replace(struct.pack("<L", 50_000_000), struct.pack("<L", 1000))
    assert code_of(lambda: opened(lying).read("a.jpg")) == "archive_entry_unusable"


def test_together_they_unpack_to_no_more_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_UNPACKED_BYTES", 1000)
    assert code_of(lambda: opened(zipped({"a.jpg": bytes(600), "b.jpg": bytes(600)}))) == "archive_too_large"


def test_a_list_of_too_many_entries_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(zipped({f"{number}.jpg": b"" for number in range(50)}))
    monkeypatch.setattr(archives, "MOST_ENTRIES", 49)
    end = data.rindex(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)  # a lie about their number
    assert code_of(lambda: opened(bytes(data))) == "archive_too_large"
    monkeypatch.setattr(archives, "MOST_LIST_BYTES", 100)
    assert code_of(lambda: opened(bytes(data))) == "archive_too_large"


def test_a_list_in_zip64_is_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # has zipfile write the long form
    data = zipped({"a.jpg": PHOTO, "b.jpg": PHOTO, "c.jpg": PHOTO})
    assert b"PK\x06\x06" in data
    assert opened(data).read("b.jpg") == PHOTO
    monkeypatch.setattr(archives, "MOST_ENTRIES", 2)
    assert code_of(lambda: opened(data)) == "archive_too_large"


def test_a_zip64_record_that_readers_may_look_for_in_two_places_is_none() -> None:
    """Some take the record that stands before its locator, some that which the locator names."""
    entries = made(("a.jpg", PHOTO))
    end = entries.rindex(b"PK\x05\x06")
    size, at = struct.unpack_from("<LL", entries, end + 12)
    long = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44 + 8, 45, 45, 0, 0, 1, 1, size, at) + bytes(8)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    assert code_of(lambda: opened(entries[:end] + long + locator + entries[end:])) == "archive_invalid"


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(10), b"<html>", b"PK\x05\x06" + b"\xff" * 18, bytes(100_000)]
)
def test_what_is_no_zip_is_told(data: bytes) -> None:
    assert code_of(lambda: opened(data)) in {"archive_invalid", "archive_too_large"}


def test_a_zip_that_was_cut_is_told() -> None:
    whole = zipped({"a.jpg": PHOTO, "b.jpg": PHOTO})
    assert {code_of(lambda cut=whole[:length]: opened(cut)) for length in range(len(whole))} == {"archive_invalid"}  # type: ignore[misc]


def test_a_name_that_is_longer_than_any_path_is_told() -> None:
    marks = "a" + "\u0327\u0301" * 300 + ".jpg"  # each pair is out of order, and put in order one by one
    assert code_of(lambda: opened(zipped({marks: PHOTO}))) == "archive_invalid"
    assert opened(zipped({f"{'f' * 200}/{'a' * 200}.jpg": PHOTO})).read(f"{'a' * 200}.jpg") == PHOTO


def test_an_empty_zip_has_no_photos() -> None:
    assert code_of(lambda: opened(zipped({})).read("a.jpg")) == "photo_missing"
