"""Search among up to a million made-up people: `python -m bench.searching` on an empty database, told in JSON.

Numbers of people may be named, as in `python -m bench.run search` none are: `python -m bench.searching 20000 100000`.

People, keys, sealed and protected templates are those that the product makes, but all at once and copied straight into
the tables; the index is built after each filling. What is timed is `gallery.search`: the database part of `recognize`.
"""

import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import django
import numpy as np
from numpy.typing import NDArray

from bench.figures import Goal, Section, Series, timed, told
from bench.instance import own_database
from bench.likenesses import ARCFACE, DLIB, Likeness, Vectors
from bench.multitude import insert

SIZES = {DLIB: (1_000, 10_000, 100_000, 1_000_000), ARCFACE: (10_000, 100_000)}
PROBES = 2000
"""Half of them are photos of enrolled people, half of strangers, in turn."""
FOUND = 5
WIDTHS = (0, 100, 400, 800)
LEAST_RUNS, LONGEST_S = 40, 12.0
CHUNK = 20_000
REFERENCES = 3
CENTER_FROM, CENTER_OF = 20_000_000, 1_708
FROM, WANTED_MS, WANTED_OTHER = 100_000, 10.0, 0.1
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of searching a gallery.

    width: of the walk through the index, 0 for an exact search. enrolled, strangers: the share of photos of such people
    whose first is the first of an exact search.
    """

    dimensions: int
    size: int
    width: int
    chosen: bool
    seconds: tuple[float, ...]
    enrolled: float
    strangers: float
    build_s: float
    index_mb: float
    filled_s: float


HEADER = ("templates", "way", "p50", "p95", "p99", "runs", "rank-1 as exact: enrolled", "strangers", "index built in")
NOTES = (
    """\
The database part of `recognize`: the rotation's key, the search, the few nearest unsealed and compared exactly, as
`gallery.search` does it in one process, one caller at a time. *exact* compares with everybody, *index* walks the HNSW
index (m 24, ef_construction 128) with so many neighbors in view (`hnsw.ef_search`); bold is the way that the product
takes at that size.""",
    """\
The people are made up by `bench/likenesses.py`, their scores fall as the recognisers' do on LFW: 128 dimensions as the
built-in one, searched around a center that is measured on others than those enrolled, as its own is; 512 as
MobileFaceNet, which has none. A template is the mean of three photos, a probe one other photo. *rank-1 as exact*:
the share of probes whose first person is that of an exact search in float32, of 1,000 photos of enrolled people and
1,000 of strangers, fewer where a search takes long.""",
)


def measure() -> Section:
    with own_database() as instance:
        told = instance.python("-m", "bench.searching", aloud=True)
    ways = [Way(**json.loads(line)) for line in told.splitlines()]
    goals = [goal for way in ways if way.chosen and way.size >= FROM for goal in _goals(way)]
    rows = tuple(_row(way) for way in ways)
    return Section("search", "Search among up to 1,000,000 people", tuple(goals), HEADER, rows, NOTES)


def _goals(way: Way) -> tuple[Goal, Goal]:
    among = f"{way.size:,} templates of {way.dimensions} dimensions"
    p95_ms, other = 1000 * Series(way.seconds).percentile(0.95), 100 * (1 - way.enrolled)
    return (
        Goal(f"p95, {among}", p95_ms, WANTED_MS, unit=" ms"),
        Goal(f"enrolled people whose first is not an exact search's, {among}", other, WANTED_OTHER, unit=" %"),
    )


def _row(way: Way) -> tuple[str, ...]:
    taken, name = Series(way.seconds), _name(way.width)
    times = (told(taken.percentile(share)) for share in (0.5, 0.95, 0.99))
    built = "" if not way.width else f"{told(way.build_s)}, {way.index_mb:.0f} MB"
    agreed = (f"{way.enrolled:.2%}", f"{way.strangers:.2%}")
    among = f"{way.size:,} x {way.dimensions}"
    return (among, f"**{name}**" if way.chosen else name, *times, str(len(taken.seconds)), *agreed, built)


def _name(width: int) -> str:
    return f"index, {width}" if width else "exact"


def main(*given: int) -> None:
    django.setup()
    keys: dict[bytes, bytes] = {}
    for likeness, sizes in SIZES.items():
        filled = Gallery(likeness, keys)
        if likeness is DLIB:
            _measure_center(likeness, filled.model)
        for size in given or sizes:
            for way in filled.grow(size):
                print(json.dumps(asdict(way)), flush=True)


def _measure_center(likeness: Likeness, model: str) -> None:
    """Measure the center as calibrate does, on as many people as the built-in recogniser's, and put it in force."""
    from django.conf import settings  # noqa: PLC0415

    from heirloom.decision import center  # noqa: PLC0415
    from heirloom.decision.policy import Provenance  # noqa: PLC0415
    from heirloom.decision.policy_files import file_name  # noqa: PLC0415

    photos = likeness.photos(likeness.people(CENTER_FROM, CENTER_FROM + CENTER_OF), 98)
    mean = center.mean_of_people(photos, np.arange(CENTER_OF, dtype=np.int64))
    source = Provenance("made up", CENTER_OF, CENTER_OF, "", "python -m bench.searching")
    path = settings.POLICY_DIR / "center" / file_name(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(center.dump(center.Center(model, source, mean)), encoding="utf-8")


class Gallery:
    """The templates of one recogniser in the database, and the same numbers here to search them exactly."""

    def __init__(self, likeness: Likeness, keys: dict[bytes, bytes]) -> None:
        self.likeness, self.keys = likeness, keys
        self.model = f"bench-{likeness.name}"
        self.index = f"person_vectors_{likeness.dimensions}"
        self.definition = ""
        self.vectors: Vectors = np.empty((0, likeness.dimensions), np.float32)

    def grow(self, size: int) -> list[Way]:
        """Add people up to this number and measure every way of searching them."""
        filled_s = timed(lambda: self._fill(size))
        build_s, index_mb = self._build()
        _say(f"{self.likeness.name}: {size:,} people in {filled_s:.0f} s, index in {build_s:.0f} s, {index_mb:.0f} MB")
        return [self._measured(width, filled_s, build_s, index_mb) for width in WIDTHS]

    def _measured(self, width: int, filled_s: float, build_s: float, index_mb: float) -> Way:
        from enrollment.services import gallery  # noqa: PLC0415 - after the setup, as all that touches a row

        size, (limit, wide) = len(self.vectors), (gallery.EXACT_UP_TO, gallery.WALK_WIDTH)
        gallery.EXACT_UP_TO, gallery.WALK_WIDTH = 0 if width else size, width
        probes = self._probes()
        self._search(probes[0])  # the size of a large gallery is counted once a minute, not with each search
        taken, right, wanted, started = [], [], self._nearest(probes), time.monotonic()
        for probe, person in zip(probes, wanted, strict=True):
            began = time.perf_counter()
            found = self._search(probe)
            taken.append(time.perf_counter() - began)
            right.append(found == person)
            if len(taken) >= LEAST_RUNS and time.monotonic() - started > LONGEST_S:
                break
        gallery.EXACT_UP_TO, gallery.WALK_WIDTH = limit, wide
        enrolled, strangers = (sum(right[kind::2]) / len(right[kind::2]) for kind in (0, 1))
        chosen = width == (0 if size <= limit else wide)
        way = Way(self.likeness.dimensions, size, width, chosen, tuple(taken), enrolled, strangers,
                  build_s, index_mb, filled_s)  # fmt: skip
        p95 = Series(way.seconds).percentile(0.95)
        _say(f"  {_name(width)}: p95 {1000 * p95:.1f} ms, the same first for {enrolled:.1%} of enrolled")
        return way

    def _search(self, probe: Vectors) -> int:
        from enrollment.services import gallery  # noqa: PLC0415
        from heirloom.vision.types import Template  # noqa: PLC0415

        hits = gallery.search(probe=Template(self.model, probe), count=FOUND).hits
        return int(hits[0].person.employee_id or -1)

    def _probes(self) -> Vectors:
        """Return photos of enrolled people and of strangers, in turn."""
        size, half = len(self.vectors), PROBES // 2
        mated = np.random.default_rng(5).integers(0, size, half)
        blocks = {start: self.likeness.people(start, start + 1000) for start in {n // 1000 * 1000 for n in mated}}
        people = np.stack([blocks[n // 1000 * 1000][n % 1000] for n in mated])
        strangers = self.likeness.people(10_000_000, 10_000_000 + half)
        both = np.empty((2 * half, self.likeness.dimensions), np.float32)
        both[0::2], both[1::2] = people, strangers
        return self.likeness.photos(both, 99)

    def _nearest(self, probes: Vectors) -> list[int]:
        """Return for each probe the number of the person that an exact search in float32 finds first."""
        best, score = np.zeros(len(probes), np.int64), np.full(len(probes), -2, np.float32)
        for start in range(0, len(self.vectors), 50_000):
            scores = probes @ self.vectors[start : start + 50_000].T
            first = scores.argmax(axis=1)
            top = scores[np.arange(len(probes)), first]
            best, score = np.where(top > score, first + start, best), np.maximum(top, score)
        return [int(number) for number in best]

    def _fill(self, size: int) -> None:
        from django.db import connection  # noqa: PLC0415

        first = len(self.vectors)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [self.index])
            (self.definition,) = cursor.fetchone()
            cursor.execute(f"DROP INDEX {self.index}")
            added = [self.vectors]
            for start in range(first, size, CHUNK):
                numbers = range(start, min(start + CHUNK, size))
                added.append(self._copied(cursor, numbers))
            self.vectors = np.concatenate(added)
            cursor.execute("VACUUM ANALYZE")

    def _copied(self, cursor: Any, numbers: range) -> Vectors:
        people = self.likeness.people(numbers.start, numbers.stop)
        vectors = self.likeness.photos(people, numbers.start + 1000, averaged=REFERENCES)
        ids = _people(cursor, numbers, self.keys)
        _templates(cursor, self.model, ids, self.keys, vectors)
        return vectors

    def _build(self) -> tuple[float, float]:
        """Build the index as the migrations do, and return seconds and megabytes."""
        from django.db import connection  # noqa: PLC0415

        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '2GB'")
            cursor.execute(f"SET max_parallel_maintenance_workers = {os.cpu_count()}")
            build_s = timed(lambda: cursor.execute(self.definition))
            cursor.execute("SELECT pg_relation_size(%s)", [self.index])
            return build_s, cursor.fetchone()[0] / 2**20


def _people(cursor: Any, numbers: range, keys: dict[bytes, bytes]) -> list[bytes]:
    """Make the people of these numbers and, into `keys`, their data keys, unless they are there; return the ids."""
    ids = [hashlib.md5(f"searched {number}".encode()).digest() for number in numbers]
    if ids[0] in keys:
        return ids
    from enrollment.models import Person  # noqa: PLC0415
    from heirloom.crypto import keys as ring_keys  # noqa: PLC0415
    from heirloom.crypto import services as crypto  # noqa: PLC0415
    from heirloom.crypto.models import DataKey  # noqa: PLC0415

    given = {"id": "md5('searched ' || n)::uuid", "employee_id": "n::text", "full_name": "'Person ' || n"}
    cursor.execute(insert(Person, given, f"generate_series({numbers[0]}, {numbers[-1]}) n"))
    ring, wrapped = ring_keys.ring(), []
    for one in ids:
        keys[one] = os.urandom(32)
        row = DataKey(subject=uuid.UUID(bytes=one))
        crypto._wrap(row, keys[one], ring)
        wrapped.append(bytes(row.wrapped or b""))
    columns = {
        "subject": _each(ids),
        "wrapped": _each(wrapped),
        "ring_key": _same(ring.first.id.encode(), len(ids)),
        "created_at": _same(bytes(8), len(ids)),
    }
    _copy(cursor, "crypto_datakey", columns)
    return ids


def _templates(cursor: Any, model: str, ids: list[bytes], keys: dict[bytes, bytes], vectors: Vectors) -> None:
    from enrollment.services import protection  # noqa: PLC0415
    from enrollment.services.templates import mean_place  # noqa: PLC0415
    from heirloom.crypto import services as crypto  # noqa: PLC0415

    count, dimensions = vectors.shape
    sealed, place = [], mean_place(model, REFERENCES)
    for person, vector in zip(ids, vectors.astype("<f4"), strict=True):
        owner = uuid.UUID(bytes=person)
        sealed.append(crypto.sealed_by(keys[person], subject=owner, plaintext=vector.tobytes(), place=place))
    kind = protection.in_force(model)
    halves = np.empty((count, 4 + 2 * dimensions), np.uint8)
    halves[:, :4] = np.frombuffer(dimensions.to_bytes(2, "big") + b"\0\0", np.uint8)
    halves[:, 4:] = kind.protect_each(vectors).astype(">f2").view(np.uint8).reshape(count, -1)
    columns: dict[str, Bytes] = {
        "person_id": _each(ids),
        "model": _same(model.encode(), count),
        "dimensions": _same(dimensions.to_bytes(2, "big"), count),
        "reference_count": _same(REFERENCES.to_bytes(2, "big"), count),
        "vector_sealed": _each(sealed),
        "vector": halves,
        "protection": _same(kind.fingerprint.encode(), count),
        "updated_at": _same(bytes(8), count),
    }
    _copy(cursor, "enrollment_persontemplate", columns)


def _copy(cursor: Any, table: str, columns: dict[str, Bytes]) -> None:
    """Copy rows in PostgreSQL's binary form. columns: by name, the bytes of each row's value, shape (rows, size)."""
    count = len(next(iter(columns.values())))
    parts = [_same(len(columns).to_bytes(2, "big"), count)]
    for values in columns.values():
        parts += [_same(values.shape[1].to_bytes(4, "big"), count), values]
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        copy.write(np.hstack(parts).tobytes())
        copy.write(b"\xff\xff")


def _each(values: Sequence[bytes]) -> Bytes:
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1)


def _same(value: bytes, count: int) -> Bytes:
    return np.tile(np.frombuffer(value, np.uint8), (count, 1))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
