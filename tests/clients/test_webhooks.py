"""heirloom_client.read_event takes what Heirloom signed, and nothing that was changed, forged or kept too long."""

import time

import pytest
from heirloom_client import WebhookRefusedError, read_event

from heirloom.webhooks import signing

BODY = b'{"type":"webhook.test","timestamp":"2026-11-21T10:02:00.123+00:00","data":{"webhook_id":"w1"}}'


def sent(*secrets: str, age_s: int = 0) -> dict[str, str]:
    return signing.headers(event_id="e1", timestamp=int(time.time()) - age_s, body=BODY, signed_by=secrets)


def test_a_signed_message_is_an_event() -> None:
    secret = signing.new_secret()
    event = read_event(secret, sent(secret), BODY)
    assert (event.id, event.type, event.data) == ("e1", "webhook.test", {"webhook_id": "w1"})
    assert event.timestamp.tzinfo is not None


def test_headers_count_in_any_case() -> None:
    secret = signing.new_secret()
    assert read_event(secret, {name.title(): value for name, value in sent(secret).items()}, BODY)


def test_while_a_secret_rotates_either_side_may_hold_both() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    assert read_event(old, sent(new, old), BODY)
    assert read_event(new, sent(new, old), BODY)
    assert read_event([new, old], sent(old), BODY)


@pytest.mark.parametrize("age_s", [600, -600])
def test_a_message_of_another_time_is_refused(age_s: int) -> None:
    secret = signing.new_secret()
    with pytest.raises(WebhookRefusedError, match="old"):
        read_event(secret, sent(secret, age_s=age_s), BODY)
    assert read_event(secret, sent(secret, age_s=age_s), BODY, tolerance_s=1000)


def test_what_was_changed_or_signed_by_another_is_refused() -> None:
    secret = signing.new_secret()
    for headers, body in (
        (sent(signing.new_secret()), BODY),
        (sent(secret), BODY.replace(b"test", b"tost")),
        (sent(secret) | {"webhook-id": "e2"}, BODY),
        (sent(secret) | {"webhook-timestamp": str(int(time.time()) + 1)}, BODY),
        (sent(secret) | {"webhook-signature": ""}, BODY),
        (sent(secret) | {"webhook-signature": "v1,ünïcode"}, BODY),
        (sent(secret) | {"webhook-timestamp": "nan"}, BODY),
        ({}, BODY),
    ):
        with pytest.raises(WebhookRefusedError):
            read_event(secret, headers, body)
    with pytest.raises(WebhookRefusedError):
        read_event([], sent(secret), BODY)


def test_a_secret_that_is_none_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        read_event("whsec_%%%", sent(signing.new_secret()), BODY)
