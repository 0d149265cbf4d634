"""Bodies of few bytes to an item: lists, objects, names, quotation marks, parts of a form, and a codec that unpacks."""

import time
import zlib
from collections.abc import Iterator

from bench.intrusion.target import Finding, Target
from bench.intrusion.watch import probed, web_bytes

MOST_WAIT_S, MOST_GROWTH = 1.0, 1.1
TIMES = 4
PATH, FORMS = "/api/v1/register-multiple/", "/api/v1/verifications/"


def attack(target: Target) -> Iterator[Finding]:
    client = target.caller("hr")
    client.get("/people/")
    send = client._http.post
    json = {"Content-Type": "application/json"}
    bodies = {
        "lists": b"[" + b"[]," * 15_000_000 + b"[]]",
        "objects": b"[" + b"{}," * 15_000_000 + b"{}]",
        "names": b"{" + b",".join(b'"%d":1' % number for number in range(2_500_000)) + b"}",
        "quotation marks": b'["' + b'\\"' * 20_000_000 + b'"]',
        "digits": b"[" + b"1" * 30_000_000 + b"]",
    }
    # What a process keeps of memory that it once had is no growth: so first what honest clients send, as large.
    for megabytes in (10, 30, 40):
        send(PATH, content=b'{"images": ["' + b"A" * (megabytes << 20) + b'"]}', headers=json)
    before, began = web_bytes(target), time.monotonic()
    with probed(target) as waited:
        statuses = {
            send(PATH, content=body, headers=json).status_code for _ in range(TIMES) for body in bodies.values()
        }
    growth, sent = web_bytes(target) / before, TIMES * len(bodies)
    yield Finding(
        held=statuses <= {400, 413} and waited.longest_s < MOST_WAIT_S and not waited.lost and growth < MOST_GROWTH,
        figure=f"{sent} bodies of 15 to 45 MB answered {sorted(statuses)} in {time.monotonic() - began:.0f} s; "
        f"/livez waited {waited.longest_s:.2f} s at most, memory x {growth:.2f}",
    )
    part = b"--x\r\nContent-Type: a/b\r\n\r\n\r\n"
    packed = zlib.compress(b"[" + b"[]," * 100_000_000 + b"[]]")
    with probed(target) as waited:
        form = send(FORMS, content=part * 500_000, headers={"Content-Type": "multipart/form-data; boundary=x"})
        unpacked = send("/api/v1/people/", content=packed, headers={"Content-Type": "application/json; charset=zlib"})
    yield Finding(
        held=(form.status_code, unpacked.status_code) == (413, 415) and waited.longest_s < MOST_WAIT_S,
        figure=f"a form of 500,000 parts: {form.status_code}; {len(packed) // 1024} KB that a codec unpacks to 300 MB: "
        f"{unpacked.status_code}; /livez waited {waited.longest_s:.2f} s at most",
    )
