"""What docs/api/live.md shows follows a verification to its outcome, and its codes are those of the code."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from heirloom.live import consumers, hub
from heirloom.live.reading import Close
from tests.live.conftest import Work, attempt, cast, token_of, web  # noqa: F401 - fixtures
from tests.live.sockets import SOON_S

PAGE = (Path(__file__).parents[2] / "docs" / "api" / "live.md").read_text()
Follow = Callable[[str, str], list[dict[str, Any]]]


def snippet(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


def in_python(address: str, token: str) -> list[dict[str, Any]]:
    room: dict[str, Any] = {}
    exec(snippet("python"), room)
    return list(room["follow"](address, token))


def in_javascript(address: str, token: str) -> list[dict[str, Any]]:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    shown = "(state) => console.log(JSON.stringify(state))"
    code = f"""{snippet("js")}
if (typeof WebSocket === "undefined") process.exit(3); // before version 20.10
follow({json.dumps(address)}, {json.dumps(token)}, {shown}).then((last) => console.log(JSON.stringify(last)));"""
    done = subprocess.run(
        ["node", "--experimental-websocket", "-e", code], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode == 3:
        pytest.skip("this node has no WebSocket")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("follow", [in_python, in_javascript])
def test_a_client_of_the_page_hears_of_the_outcome(follow: Follow, web: str, attempt: Work) -> None:  # noqa: F811
    lease, token = attempt.take_up(), token_of(attempt.row.owner)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as threads:
        following = threads.submit(follow, web.replace("http", "ws") + attempt.path, token)
        for progress in range(0, 100, 10):
            with suppress(TimeoutError):
                following.exception(timeout=0.2)
            lease.report("analyzing", progress)
        attempt.end(lease)
        states = following.result(SOON_S)
    assert states[0]["status"] == "processing"
    assert (states[-1]["status"], states[-1]["outcome"]) == ("done", "failed")


def test_the_page_names_every_code_and_limit() -> None:
    for code in Close:
        assert f"| {code.value} |" in PAGE
    assert f"every {hub.CALM_S:g} seconds" in PAGE
    assert f"every {hub.DEAF_S:g} seconds" in PAGE
    assert f"every {hub.PROVE_EVERY_S:g} seconds" in " ".join(PAGE.split())
    assert f"within {consumers.SENT_WITHIN_S:g} seconds" in PAGE
    assert consumers.LONGEST_S == 3600
    assert f"up to {consumers.MOST_RECEIVED} messages" in PAGE
