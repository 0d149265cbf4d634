"""The receivers that docs/api/webhooks.md shows take what is sent, and nothing that was changed."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heirloom.webhooks import services, signing
from heirloom.webhooks.models import SUBSCRIBABLE, EventType

PAGE = (Path(__file__).parents[2] / "docs" / "api" / "webhooks.md").read_text()
BODY = b'{"type":"webhook.test","timestamp":"2026-11-21T10:02:00.123+00:00","data":{}}'
Read = Callable[[str, dict[str, str], bytes], Any]


def snippet(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


def in_python(secret: str, headers: dict[str, str], body: bytes) -> Any:
    room: dict[str, Any] = {}
    exec(snippet("python"), room)
    return room["read_event"](secret, headers, body)


def in_javascript(secret: str, headers: dict[str, str], body: bytes) -> Any:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    given = f"{json.dumps(secret)}, {json.dumps(headers)}, Buffer.from({json.dumps(body.decode())})"
    code = f"{snippet('js')}\nconsole.log(JSON.stringify(readEvent({given})))"
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


def sent(*secrets: str, age_s: int = 0) -> dict[str, str]:
    return signing.headers(event_id="e1", timestamp=int(time.time()) - age_s, body=BODY, signed_by=secrets)


@pytest.mark.parametrize("read", [in_python, in_javascript])
def test_a_receiver_takes_what_is_signed_and_nothing_else(read: Read) -> None:
    secret, newer = signing.new_secret(), signing.new_secret()
    assert read(secret, sent(secret), BODY) == json.loads(BODY)
    assert read(secret, sent(newer, secret), BODY) == json.loads(BODY)
    for headers, body in (
        (sent(newer), BODY),
        (sent(secret), BODY.replace(b"test", b"tost")),
        (sent(secret) | {"webhook-id": "e2"}, BODY),
        (sent(secret, age_s=600), BODY),
    ):
        with pytest.raises(ValueError, match=r"not signed|too old"):
            read(secret, headers, body)


def test_the_page_names_every_event_and_pause() -> None:
    for event in (*SUBSCRIBABLE, EventType.TEST):
        assert f"| `{event}` |" in PAGE
    units = {"s": 1, "min": 60, "h": 3600}
    said = " ".join(PAGE[PAGE.index("tried again after") : PAGE.index(", each a little")].split())
    pauses = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", said)]
    assert pauses == [pause.total_seconds() for pause in services.PAUSES]
