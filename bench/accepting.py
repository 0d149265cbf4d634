"""`POST verifications/`: from the last byte sent to the whole 202."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.callers import Line
from bench.client import Caller
from bench.figures import Goal, Section, Series, told
from bench.films import FULL_HD, H264, Film
from bench.pictures import b64, retaken
from bench.portraits import Portrait
from bench.scale import CALLERS, PEOPLE, Scale

RUNS, CLIP_RUNS = 100, 20
WANTED_MS = 100.0
HEADER = ("what", "p50", "p95", "p99", "runs")
NOTES = (
    """\
From the last byte that the caller's kernel took to the whole 202: stored encrypted, written and queued; among 1,000,000
verifications. One at a time means that each is decided before the next is sent.""",
    f"""\
In the last row {CALLERS} callers send photos as fast as they are answered while the worker decides those before, all on
the same cores.""",
)


def measure(scale: Scale, person: str, portrait: Portrait, folder: Path) -> Section:
    """person: an enrolled one's id."""
    scale.fill(PEOPLE)
    photo = retaken(portrait, mirrored=True)
    clip = Film(FULL_HD, H264, 2.0).shot(portrait, folder).read_bytes()
    text = json.dumps({"person_id": person, "image_base64": b64(photo)}).encode()
    bodies = {
        f"a photo of {len(photo) / 1e3:.0f} kB, one at a time": (_form(person, photo, "image/jpeg"), RUNS),
        "the same photo in JSON": ((text, "application/json"), RUNS),
        f"a clip of {len(clip) / 1e6:.0f} MB, one at a time": (_form(person, clip, "video/mp4"), CLIP_RUNS),
    }
    client = scale.caller("client", 0)
    taken = {name: _one_by_one(scale, client, *body, runs) for name, (body, runs) in bodies.items()}
    goals = tuple(
        Goal(f"p95, {name}", 1000 * met.percentile(0.95), WANTED_MS, unit=" ms") for name, met in taken.items()
    )
    taken[f"the photo, {CALLERS} callers at once"] = _at_once(scale, *_form(person, photo, "image/jpeg"))
    rows = tuple(_row(name, met) for name, met in taken.items())
    _drained(client)
    return Section("accept", "Accepting a verification", goals, HEADER, rows, NOTES)


def _one_by_one(scale: Scale, client: Caller, body: bytes, content_type: str, runs: int) -> Series:
    (line,) = scale.lines("client", 1)
    taken = []
    for _ in range(runs + 2):
        taken.append(line.post("/verifications/", body, content_type))
        _drained(client)
    return Series(tuple(taken[2:]))


def _at_once(scale: Scale, body: bytes, content_type: str) -> Series:
    def send(line: Line) -> list[float]:
        return [line.post("/verifications/", body, content_type) for _ in range(RUNS // 10)][1:]

    with ThreadPoolExecutor(CALLERS) as pool:
        return Series(tuple(seconds for one in pool.map(send, scale.lines("client", CALLERS)) for seconds in one))


def _drained(client: Caller) -> None:
    """Wait until the newest verification of this client app is done; jobs are taken up in turn."""
    (newest,) = client.get("/verifications/", page_size=1)["results"]
    client.follow({"links": {"self": f"/verifications/{newest['id']}/"}}, within_s=600, every_s=0.1)


def _form(person: str, probe: bytes, mime: str) -> tuple[bytes, str]:
    """Return a multipart body and its content type."""
    mark = secrets.token_hex(16)
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="person_id"\r\n\r\n{person}\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="probe"\r\nContent-Type: {mime}\r\n\r\n'
    )
    return head.encode() + probe + f"\r\n--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def _row(name: str, taken: Series) -> tuple[str, ...]:
    return (name, *(told(taken.percentile(share)) for share in (0.5, 0.95, 0.99)), str(len(taken.seconds)))
