""".env.example names every variable that is read, and no other; what it says is the default parses."""

import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = re.compile(r"""env\.(?:text|secret|boolean|integer|decimal|choice|words)\(\s*"([A-Z_]+)\"""")
ELSEWHERE = {"HEIRLOOM_ENV_FILE", "WEB_WORKERS"}


def test_every_setting_is_named_and_nothing_else() -> None:
    sources = [*(ROOT / "heirloom" / "settings").glob("*.py"), *(ROOT / "heirloom" / "embedded").glob("*.py")]
    read = {name for source in sources for name in READ.findall(source.read_text())}
    named = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == read | ELSEWHERE


def test_every_variable_has_a_line_that_explains_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for above, line in pairwise(lines):
        if re.match(r"#[A-Z_]+=", line):
            assert above.startswith(("# ", "#CONSENT", "#THROTTLE")), line
