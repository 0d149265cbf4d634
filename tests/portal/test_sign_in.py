"""Signing in, the password, and who may come in."""

import pytest
from django.test import Client

from tests.cast import PASSWORD, Cast
from tests.portal.conftest import signed_in, text_of


def sign_in(username: str, password: str = PASSWORD) -> tuple[Client, object]:
    client = Client()
    return client, client.post("/sign-in/", {"username": username, "password": password})


def test_hr_signs_in_and_lands_on_the_first_page(cast: Cast) -> None:
    client, answer = sign_in("hana")
    assert answer.headers["Location"] == "/"  # type: ignore[attr-defined]
    assert client.get("/").status_code == 200


def test_a_reviewer_is_sent_to_the_administration(cast: Cast) -> None:
    client, _ = sign_in("rhea")
    assert client.get("/").headers["Location"] == "/admin/"


def test_a_client_app_has_no_business_here(cleo: Client) -> None:
    answer = cleo.get("/")
    assert answer.status_code == 403
    assert "Not for this login" in text_of(answer)


@pytest.mark.parametrize("address", ["/", "/people/", "/people/enroll/"])
def test_a_stranger_is_asked_to_sign_in(db: None, address: str) -> None:
    assert Client().get(address).headers["Location"] == f"/sign-in/?next={address}"


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(cast: Cast) -> None:
    _, known = sign_in("hana", "wrong")
    _, unknown = sign_in("nobody", "wrong")
    assert "username or the password" in text_of(known)
    assert "username or the password" in text_of(unknown)


def test_ten_wrong_passwords_lock_the_username_and_say_so(cast: Cast) -> None:
    for _ in range(10):
        _, answer = sign_in("hana", "wrong")
    assert answer.status_code == 429  # type: ignore[attr-defined]
    assert "too many attempts" in text_of(answer)
    _, answer = sign_in("hana")
    assert answer.status_code == 429  # type: ignore[attr-defined]


def test_a_password_that_others_saw_is_changed_before_anything_else(cast: Cast) -> None:
    cast.hana.must_change_password = True
    cast.hana.save()
    hana = signed_in(cast.hana)
    assert hana.get("/people/").headers["Location"] == "/password/"
    new = "an even longer passphrase"
    hana.post("/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert hana.get("/people/").status_code == 200
    cast.hana.refresh_from_db()
    assert not cast.hana.must_change_password


def test_a_weak_new_password_is_refused(hana: Client) -> None:
    answer = hana.post("/password/", {"old_password": PASSWORD, "new_password1": "1234", "new_password2": "1234"})
    assert "too short" in text_of(answer)


def test_signing_out_takes_a_post(hana: Client) -> None:
    assert hana.get("/sign-out/").status_code == 405
    assert hana.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert hana.get("/").status_code == 302


def test_the_administration_has_no_door_of_its_own(db: None) -> None:
    assert Client().get("/admin/login/?next=/admin/").headers["Location"] == "/sign-in/?next=/admin/"


def test_pages_may_load_our_own_files_only(hana: Client) -> None:
    policy = hana.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_pages_hold_no_inline_script_or_style(hana: Client) -> None:
    for address in ("/", "/people/", "/people/enroll/", "/password/"):
        page = hana.get(address).content.decode()
        assert "style=" not in page
        assert "<style" not in page
        assert all("src=" in tag for tag in page.split("<script")[1:])
