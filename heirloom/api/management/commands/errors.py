"""manage.py errors: the page of all error codes, from the table that the answers come from."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from heirloom.errors import CODES

PAGE = Path("docs", "errors.md")
HEAD = """\
# Error codes

Every error of the API has this shape; `code` is stable, `detail` is for people and may be reworded, `attr` names the
field at fault or is null.

```json
{"type": "validation_error", "errors": [{"code": "several_faces", "detail": "...", "attr": "face_image_base64"}]}
```

`type` is `validation_error` for 400 and 422, `client_error` for other 4xx, `server_error` for 5xx. An answer 429 or 503
carries `Retry-After` in seconds. The codes below also stand in `reasons` of verifications, enrollments and reviews;
there the status does not apply.

The checks of single fields use the codes of Django REST framework: `required`, `null`, `blank`, `invalid`,
`invalid_choice`, `max_length`, `min_value`, `max_value`, `empty` and the like, with `attr` set. Sign-in and limits:
`not_authenticated` and `authentication_failed` (401), `method_not_allowed` (405), `parse_error` (400),
`unsupported_media_type` (415), `throttled` (429). Which operation answers which codes stands in the OpenAPI document,
with an example of each.

This page is written by `manage.py errors --write`.

| code | status | what it says | what to do |
|---|---|---|---|
"""


class Command(BaseCommand):
    help = "Print docs/errors.md; with --write write it, with --check fail if it is not current."

    def add_arguments(self, parser: ArgumentParser) -> None:
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--write", action="store_true")
        act.add_argument("--check", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        file = settings.BASE_DIR / PAGE
        if options["write"]:
            file.write_text(page())
        elif options["check"]:
            if not file.exists() or file.read_text() != page():
                raise CommandError(f"{PAGE} is not current: run `python manage.py errors --write`.")
        else:
            self.stdout.write(page(), ending="")


def page() -> str:
    """Return the page as Markdown, one row for each code, by name."""
    return HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for name, code in sorted(CODES.items()):
        yield f"| `{name}` | {code.status} | {code.text} | {code.remedy} |\n"
