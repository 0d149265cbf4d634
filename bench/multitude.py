"""Fill the database of a bench up to so many people and ten times as many verifications, by SQL alone.

`python -m bench.multitude 100000`, and on stdin the password of the logins that it makes. Nobody exists. The rows are
those that the product writes, a million in a minute or two; what is missing are files, and templates that a search
could find: bench.searching makes those.
"""

import hashlib
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import django

from bench.crowd import DEPARTMENTS, FRAMES, MODEL, POLICY, SYLLABLES

if TYPE_CHECKING:
    from django.db.models import Model

VERIFICATIONS_EACH = 10
LOGINS = {"hr": 20, "client": 20, "reviewer": 1}
"""How many logins there are of each role; verification n is of client app n modulo 20."""
DAYS = 730
# Out of 100: the reasons with them are those that the product gives most often.
OUTCOMES = """
CASE WHEN chance < 0.85 THEN 'approved' WHEN chance < 0.93 THEN 'rejected' WHEN chance < 0.99 THEN 'needs_review'
     ELSE 'failed' END
"""
REASONS = """
CASE WHEN chance < 0.85 THEN '{}' WHEN chance < 0.93 THEN '{no_match}'
     WHEN chance < 0.98 THEN '{attack_check_inconclusive}' WHEN chance < 0.99 THEN '{score_near_threshold}'
     WHEN chance < 0.996 THEN '{no_face}'
     WHEN chance < 0.9999 THEN '{several_faces}' ELSE '{several_people_in_clip}' END
"""
# Of what needs a review a tenth still waits for it.
DECISIONS = """
CASE WHEN chance < 0.85 THEN 'approved' WHEN chance < 0.93 OR chance >= 0.99 THEN 'rejected'
     WHEN lot < 0.1 THEN 'pending' WHEN lot < 0.7 THEN 'approved' ELSE 'rejected' END
"""
IS_SEARCH = f"n % {VERIFICATIONS_EACH} = 1"
IS_CLIP = "n % 5 = 0"
SIGNALS = '[{"detector": "minifasnet", "outcome": "inconclusive", "score": null, "why": "not_installed"}]'


def main(count: int, password: str) -> None:
    django.setup()
    from django.db import connection  # noqa: PLC0415 - after the setup, as all that touches a row

    from enrollment.models import Person  # noqa: PLC0415

    present = Person.objects.filter(employee_id__startswith="S-").count()
    if present >= count:
        return
    with connection.cursor() as cursor:
        tables = [table for table, _ in _inserts(present, count, [0])]
        with _without_indexes(cursor, [table._meta.db_table for table in dict.fromkeys(tables)]):
            cursor.execute(
                "SET session_replication_role = replica"
            )  # the rows name each other rightly as they are made
            for model, rows in _inserts(present, count, _owners(password)):
                with _told(model._meta.db_table):
                    cursor.execute(rows)
            cursor.execute("SET session_replication_role = DEFAULT")
        with _told("VACUUM ANALYZE"):
            cursor.execute("VACUUM ANALYZE")


def login(role: str, number: int) -> str:
    return f"scale-{role}-{number:02}"


def person_id(number: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(f"person {number}".encode()).hexdigest())


def verification_id(number: int) -> uuid.UUID:
    return uuid.UUID(hashlib.md5(f"verification {number}".encode()).hexdigest())


def _owners(password: str) -> list[int]:
    """Make the logins, unless they are there, and return the client apps' ids in order."""
    from heirloom.accounts.models import User  # noqa: PLC0415
    from heirloom.accounts.services import create_login  # noqa: PLC0415

    for role, count in LOGINS.items():
        for name in (login(role, number) for number in range(count)):
            if not User.objects.filter(username=name).exists():
                create_login(username=name, password=password, roles=(role,))
    names = [login("client", number) for number in range(LOGINS["client"])]
    return list(User.objects.filter(username__in=names).order_by("username").values_list("id", flat=True))


def _inserts(first: int, last: int, owners: Sequence[int]) -> Iterator[tuple[type["Model"], str]]:
    """Yield models and the statements that add the people of these numbers, and what belongs to them."""
    from enrollment.models import Capture, Consent, Person, PersonTemplate  # noqa: PLC0415
    from enrollment.services.protection import in_force  # noqa: PLC0415
    from heirloom.jobs.models import Job  # noqa: PLC0415
    from heirloom.reviews.models import Review  # noqa: PLC0415
    from verification.models import Candidate, EvidenceFrame, Verification  # noqa: PLC0415

    people = f"generate_series({first}, {last - 1}) n"
    yield Person, insert(Person, _person(), people)
    owned = {"person_id": _id("person", "n")}
    given = {"id": _id("consent", "n"), "given_at": "timestamptz '2026-01-05'"}
    yield Consent, insert(Consent, {**given, **owned, **_all("bench", "policy_version", "purpose", "method")}, people)
    hollow = {"model": f"'{MODEL}'", "dimensions": "4", "reference_count": "3", "vector": "'[1,0,0,0]'"}
    hollow |= {"vector_sealed": "decode(repeat('00', 541), 'hex')", "protection": f"'{in_force(MODEL).fingerprint}'"}
    yield PersonTemplate, insert(PersonTemplate, {**hollow, **owned}, people)
    start, end = first * VERIFICATIONS_EACH, last * VERIFICATIONS_EACH
    numbers = f"generate_series({start}, {end - 1}) n"
    yield Capture, insert(Capture, _capture(), numbers)
    drawn = f"(SELECT n, random() AS chance, random() AS lot, floor(random() * {last})::int AS who FROM {numbers}) d"
    at = f"now() - interval '{DAYS} days' * (1 - n / {end}::float)"
    yield Verification, insert(Verification, _verification(owners, at), drawn)
    frame = {"verification_id": _id("verification", "n"), "number": "frame", "quality": "80", "similarity": "0.9"}
    frame |= {"width": "960", "height": "1280", "storage_name": "''"}
    frames = f"{numbers}, generate_series(0, CASE WHEN {IS_CLIP} THEN {FRAMES + 1} ELSE 0 END) frame"
    yield EvidenceFrame, insert(EvidenceFrame, frame, frames)
    candidate = {"verification_id": _id("verification", "n"), "rank": "place", "score": "0.97 - place * 0.01"}
    candidate |= {"person_id": _id("person", f"floor(random() * {last})::int"), "similarity": "0.9 - place * 0.1"}
    candidates = f"{numbers}, generate_series(1, 5) place WHERE {IS_SEARCH}"
    yield Candidate, insert(Candidate, candidate, candidates)
    job = {"id": _id("job", "n"), "subject_id": _id("verification", "n"), "kind": "'verification'"}
    job |= {"owner_id": _one_of(owners), "queue": "'vision'", "state": "'done'", "progress": "100", "attempts": "1"}
    job |= dict.fromkeys(("created_at", "ring_at", "started_at", "finished_at"), at)
    yield Job, insert(Job, job, numbers)
    done = "verification_verification v WHERE outcome = 'needs_review' AND NOT EXISTS "
    done += "(SELECT FROM reviews_review r WHERE r.subject_id = v.id)"
    yield Review, insert(Review, _review(), done)


def _person() -> dict[str, str]:
    syllable = f"(ARRAY[{', '.join(map(repr, SYLLABLES))}])[1 + floor(random() * {len(SYLLABLES)})::int]"
    maybe = f"CASE WHEN random() < 0.5 THEN {syllable} ELSE '' END"
    word = f"initcap({syllable} || {syllable} || {maybe} || {maybe})"
    return {
        "id": _id("person", "n"),
        "employee_id": "'S-' || lpad(n::text, 7, '0')",
        "full_name": f"{word} || ' ' || {word}",
        "department": f"(ARRAY[{', '.join(map(repr, DEPARTMENTS))}])[1 + n % {len(DEPARTMENTS)}]",
        "position": "'Member of staff'",
    }


def _capture() -> dict[str, str]:
    return {
        "id": _id("capture", "n"),
        "subject": _id("capture", "n"),
        "kind": f"CASE WHEN {IS_CLIP} THEN 'video' ELSE 'image' END",
        "mime": "'image/jpeg'",
        "source": "'api'",
        "storage_name": "''",
        "bytes_mark": "md5(n::text) || md5(n::text)",
        "size_bytes": "90000",
        "width": "960",
        "height": "1280",
        "looks_marks": "ARRAY[hashint8extended(n, 7)]",
    }


def _verification(owners: Sequence[int], at: str) -> dict[str, str]:
    person = _id("person", "who")
    return {
        "id": _id("verification", "n"),
        "owner_id": _one_of(owners),
        "mode": f"CASE WHEN {IS_SEARCH} THEN 'identification' ELSE 'verification' END",
        "person_id": f"CASE WHEN {IS_SEARCH} THEN NULL ELSE {person} END",
        "capture_id": _id("capture", "n"),
        "model": f"'{MODEL}'",
        "policy": f"'{POLICY}'",
        **dict.fromkeys(("score", "similarity", "confidence"), "0.9 + lot / 10"),
        "threshold": "0.953",
        "reference_count": "3",
        "frame_count": "1",
        "attack_outcome": "'inconclusive'",
        "signals": f"'{SIGNALS}'",
        "outcome": OUTCOMES,
        "decision": DECISIONS,
        "reasons": f"({REASONS})::varchar[]",
        "timings": """'{"decode_s": 0.02, "analyze_s": 0.06}'""",
        **dict.fromkeys(("created_at", "finished_at"), at),
        "decided_at": f"CASE WHEN ({DECISIONS}) = 'pending' THEN NULL ELSE {at} END",
    }


def _review() -> dict[str, str]:
    is_open = "v.decision = 'pending'"
    return {
        "id": "gen_random_uuid()",
        "kind": "'verification'",
        "subject_id": "v.id",
        "reasons": "v.reasons",
        "risk": "0.4",
        "created_at": "v.created_at",
        "due_at": "v.created_at + interval '1 day'",
        "verdict": f"CASE WHEN {is_open} THEN '' ELSE v.decision END",
        "reason_code": f"CASE WHEN {is_open} THEN '' ELSE 'same_person' END",
        "decided_at": f"CASE WHEN {is_open} THEN NULL ELSE v.created_at + interval '1 hour' END",
    }


def insert(model: type["Model"], given: Mapping[str, str], source: str) -> str:
    """Return the INSERT that makes a row for each of the source: the given SQL by column, else the field's default."""
    from django.db import connection  # noqa: PLC0415
    from django.db.models import AutoField  # noqa: PLC0415

    columns = dict(given)
    for field in model._meta.local_concrete_fields:
        column = str(field.column)
        if column not in columns and not isinstance(field, AutoField):
            columns[column] = _default(field, connection)
    if unknown := set(columns) - {field.column for field in model._meta.local_concrete_fields}:
        raise ValueError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    return (
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {source}"
    )


def _default(field: Any, connection: Any) -> str:
    from psycopg import sql  # noqa: PLC0415

    if getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
        return "now()"
    value = field.get_db_prep_save(field.get_default(), connection)
    connection.ensure_connection()
    return sql.Literal(value).as_string(connection.connection)


def _id(what: str, number: str) -> str:
    """Return SQL for the id of a row, which those that name it can make as well."""
    return f"md5('{what} ' || {number})::uuid"


def _one_of(ids: Sequence[int]) -> str:
    return f"(ARRAY[{', '.join(map(str, ids))}])[1 + n % {len(ids)}]"


def _all(word: str, *columns: str) -> dict[str, str]:
    return dict.fromkeys(columns, f"'{word}'")


@contextmanager
def _without_indexes(cursor: Any, tables: Sequence[str]) -> Iterator[None]:
    """Drop the indexes that hold no constraint and make them again after the block: one build for a million rows."""
    cursor.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = ANY(%s::regclass[]) AND NOT EXISTS"
        " (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))",
        [list(tables)],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET maintenance_work_mem = '1GB'")
    for name, definition in indexes:
        with _told(f"index {name}"):
            cursor.execute(definition)


@contextmanager
def _told(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    if (took_s := time.monotonic() - started) > 1:
        print(f"  {what}: {took_s:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.stdin.read().strip())
