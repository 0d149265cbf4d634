"""/api-keys/: made, shown once, changed, rotated, revoked."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.services import people
from heirloom.api.models import ApiKey
from heirloom.audit.models import AuditEvent
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller, key_caller

URL = "/api/v1/api-keys/"
READ = "/api/v1/verifications/"


def made(client: APIClient, **more: Any) -> dict[str, Any]:
    answer = client.post(URL, {"name": "Kiosk", **more}, format="json")
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    return answer.json()


def test_a_key_opens_the_api(cleo: APIClient) -> None:
    assert key_caller(made(cleo)["secret"]).get(READ).status_code == 200


def test_the_secret_is_told_once_and_kept_as_its_hash_alone(cleo: APIClient) -> None:
    key = made(cleo)
    secret = key["secret"].split("_", 2)[2]
    assert key["secret"] == f"hl_{key['prefix']}_{secret}"
    assert "secret" not in cleo.get(f"{URL}{key['id']}/").json()
    assert secret not in str(ApiKey.objects.values())
    assert secret not in str(AuditEvent.objects.values())


def test_a_repetition_by_its_idempotency_key_makes_no_second_key(cleo: APIClient) -> None:
    body, once = {"name": "Kiosk"}, {"Idempotency-Key": "once"}
    first, second = (cleo.post(URL, body, format="json", headers=once) for _ in range(2))
    assert (first.status_code, first.json()) == (201, second.json())
    assert (second["Cache-Control"], ApiKey.objects.count()) == ("no-store", 1)


def test_a_key_has_at_most_the_scopes_of_its_owner(cast: Cast, cleo: APIClient) -> None:
    answer = cleo.post(URL, {"name": "Kiosk", "scopes": ["identify"]}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "scopes")
    cast.cleo.scopes = ["identify", "evidence:read"]
    cast.cleo.save()
    assert made(cleo, scopes=["identify"])["scopes"] == ["identify"]


def test_a_client_sees_its_own_keys_only(cast: Cast, cleo: APIClient) -> None:
    mine, others = made(cleo), made(caller(cast.carl))
    assert [key["id"] for key in cleo.get(URL).json()["results"]] == [mine["id"]]
    assert cleo.get(f"{URL}{others['id']}/").status_code == 404
    assert cleo.patch(f"{URL}{others['id']}/", {"name": "Mine"}, format="json").status_code == 404
    for act in ("rotate", "revoke"):
        assert cleo.post(f"{URL}{others['id']}/{act}/").status_code == 404
    assert cleo.get(f"{URL}{unknown_id()}/").status_code == 404


def test_an_admin_sees_all_and_makes_them_for_client_apps_alone(cast: Cast, cleo: APIClient) -> None:
    ada = caller(cast.ada)
    theirs, cleos = made(ada, owner="carl"), made(cleo)
    assert (theirs["owner"], cleos["owner"]) == ("carl", "cleo")
    assert {key["id"] for key in ada.get(URL).json()["results"]} == {theirs["id"], cleos["id"]}
    for nobody in ("hana", "ada", "no-one"):
        assert ada.post(URL, {"name": "x", "owner": nobody}, format="json").status_code == 400
    assert ada.post(URL, {"name": "x"}, format="json").status_code == 400


def test_a_client_makes_none_for_others(cleo: APIClient) -> None:
    assert cleo.post(URL, {"name": "x", "owner": "carl"}, format="json").status_code == 400
    assert not ApiKey.objects.exists()


def test_hr_and_reviewers_have_no_keys(hana: APIClient, rhea: APIClient) -> None:
    for client in (hana, rhea):
        assert client.get(URL).status_code == client.post(URL, {"name": "x"}, format="json").status_code == 403
    assert APIClient().get(URL).status_code == 401


def test_a_key_makes_and_sees_no_keys(cleo: APIClient) -> None:
    key = made(cleo)
    client = key_caller(key["secret"])
    assert client.get(URL).status_code == client.post(URL, {"name": "x"}, format="json").status_code == 403
    assert client.patch(f"{URL}{key['id']}/", {"gallery": None}, format="json").status_code == 403
    assert client.post(f"{URL}{key['id']}/rotate/").status_code == 403


def test_name_scopes_expiry_and_gallery_are_changed_each_alone(cast: Cast, cleo: APIClient) -> None:
    cast.cleo.scopes = ["identify"]
    cast.cleo.save()
    key = made(cleo, scopes=["identify"], gallery={"departments": ["Research"]})
    later = (timezone.now() + timedelta(days=9)).isoformat().replace("+00:00", "Z")
    one = f"{URL}{key['id']}/"
    assert cleo.patch(one, {"name": "Door"}, format="json").json()["name"] == "Door"
    assert cleo.patch(one, {"expires_at": later}, format="json").json()["expires_at"] == later
    assert cleo.patch(one, {"scopes": []}, format="json").json()["scopes"] == []
    shown = cleo.get(one).json()
    assert (shown["name"], shown["gallery"]) == ("Door", {"person_ids": [], "departments": ["Research"]})
    assert cleo.patch(one, {"gallery": None}, format="json").json()["gallery"] is None


def test_what_is_not_to_be_changed_stays(cleo: APIClient) -> None:
    key = made(cleo)
    sent = {"owner": "carl", "prefix": "x", "secret_sha256": "x", "revoked_at": None, "last_used_at": "2020-01-01"}
    answer = cleo.patch(f"{URL}{key['id']}/", sent, format="json").json()
    assert answer == {name: value for name, value in key.items() if name != "secret"}


def test_an_expiry_must_be_to_come(cleo: APIClient) -> None:
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    answer = cleo.post(URL, {"name": "x", "expires_at": past}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "expires_at")


def test_people_of_a_limit_are_named_by_either_id_and_shown_as_given(cleo: APIClient) -> None:
    theirs = people.create_person(full_name="Grace Hopper", external_id="emp-001", actor=None)
    ours = people.create_person(full_name="Eileen Collins", actor=None)
    key = made(cleo, gallery={"person_ids": ["emp-001", str(ours.id)]})
    assert set(key["gallery"]["person_ids"]) == {"emp-001", str(ours.id)}
    assert set(ApiKey.objects.get().person_ids) == {theirs.id, ours.id}


@pytest.mark.parametrize("gallery", [{}, {"person_ids": []}, {"person_ids": ["nobody"]}, {"departments": "x"}, []])
def test_a_limit_that_names_nobody_is_refused(cleo: APIClient, gallery: Any) -> None:
    assert cleo.post(URL, {"name": "x", "gallery": gallery}, format="json").status_code == 400


def test_a_limited_key_writes_no_people(cast: Cast, cleo: APIClient) -> None:
    cast.cleo.scopes = ["people:write"]
    cast.cleo.save()
    limited = {"name": "x", "scopes": ["people:write"], "gallery": {"departments": ["Research"]}}
    assert cleo.post(URL, limited, format="json").status_code == 400
    key = made(cleo, gallery={"departments": ["Research"]})
    assert cleo.patch(f"{URL}{key['id']}/", {"scopes": ["people:write"]}, format="json").status_code == 400


def test_a_rotated_key_has_a_new_secret_and_the_former_for_the_overlap(cleo: APIClient) -> None:
    old = made(cleo)
    new = cleo.post(f"{URL}{old['id']}/rotate/", {"overlap_hours": 2}, format="json").json()
    assert (new["id"], new["prefix"]) == (old["id"], old["prefix"])
    assert [key_caller(key["secret"]).get(READ).status_code for key in (old, new)] == [200, 200]
    ApiKey.objects.update(former_until=timezone.now())
    assert [key_caller(key["secret"]).get(READ).status_code for key in (old, new)] == [401, 200]


def test_without_an_overlap_the_former_secret_ends_at_once(cleo: APIClient) -> None:
    old = made(cleo)
    cleo.post(f"{URL}{old['id']}/rotate/", {"overlap_hours": 0}, format="json")
    assert key_caller(old["secret"]).get(READ).status_code == 401


def test_of_two_rotations_only_the_last_former_secret_stays(cleo: APIClient) -> None:
    first = made(cleo)
    second = cleo.post(f"{URL}{first['id']}/rotate/").json()
    third = cleo.post(f"{URL}{first['id']}/rotate/").json()
    assert [key_caller(key["secret"]).get(READ).status_code for key in (first, second, third)] == [401, 200, 200]


def test_a_revoked_key_is_over_with_both_secrets_and_for_good(cleo: APIClient) -> None:
    old = made(cleo)
    one = f"{URL}{old['id']}/"
    new = cleo.post(f"{one}rotate/").json()
    ended = cleo.post(f"{one}revoke/").json()
    assert [key_caller(key["secret"]).get(READ).status_code for key in (old, new)] == [401, 401]
    assert cleo.post(f"{one}revoke/").json() == ended
    for answer in (cleo.post(f"{one}rotate/"), cleo.patch(one, {"name": "x"}, format="json")):
        assert (answer.status_code, codes(answer)) == (409, ["api_key_revoked"])


def test_a_client_app_has_so_many_live_keys_and_no_more(cast: Cast, cleo: APIClient) -> None:
    many = [ApiKey(owner=cast.cleo, name="x", prefix=str(number)) for number in range(50)]
    ApiKey.objects.bulk_create(many)
    answer = cleo.post(URL, {"name": "x"}, format="json")
    assert (answer.status_code, codes(answer)) == (409, ["too_many_api_keys"])
    ApiKey.objects.filter(pk=many[0].pk).update(revoked_at=timezone.now())
    made(cleo)


def test_each_act_is_audited_with_the_fields_and_no_names(cleo: APIClient) -> None:
    key = made(cleo)
    one = f"{URL}{key['id']}/"
    cleo.patch(one, {"name": "A secret door"}, format="json")
    cleo.post(f"{one}rotate/")
    cleo.post(f"{one}revoke/")
    cleo.post(f"{one}revoke/")
    events = AuditEvent.objects.filter(subject_kind="api_key", subject_id=key["id"]).order_by("sequence")
    acts = ["api_key.created", "api_key.updated", "api_key.rotated", "api_key.revoked"]
    assert [event.action for event in events] == acts
    assert events[1].details["fields"] == ["name"]
    assert "secret door" not in str(events.values())


def test_a_list_costs_the_same_queries_however_long(cast: Cast, django_assert_num_queries: Any) -> None:
    ada = caller(cast.ada)
    person = people.create_person(full_name="Grace Hopper", actor=None)
    for number in range(3):
        made(ada, owner="carl", name=str(number), gallery={"person_ids": [str(person.id)]})
        with django_assert_num_queries(3):
            assert len(ada.get(URL).json()["results"]) == number + 1
