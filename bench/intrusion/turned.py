"""Photos on their side or head down, without a word of how they are to be turned: do strangers become alike?"""

from collections.abc import Iterator
from io import BytesIO

from PIL import Image as PillowImage

from bench.intrusion.target import Finding, Target
from bench.pictures import b64, jpeg, retaken

CONSENT = {"policy_version": "attack", "method": "written", "given_at": "2026-01-05T09:00:00Z"}
TURNS_DEG = (90, 180, 270)


def attack(target: Target) -> Iterator[Finding]:
    """Compare two strangers turned alike; then enroll one by hanging photos, and come as the other."""
    yield _compared(target)
    yield _claimed(target)


def _compared(target: Target) -> Finding:
    client, (one, other) = target.caller("client"), target.portraits.values()
    alike, done = 0, 0
    for degrees in TURNS_DEG:
        photos = [b64(_turned(portrait.jpeg, degrees)) for portrait in (one, other)]
        answer = client.post("/compare/", json={"face1_image_base64": photos[0], "face2_image_base64": photos[1]})
        alike, done = alike + bool(answer["is_same_person"]), done + 1
    return Finding(
        held=alike == 0, figure=f"{alike} of {done} pairs of strangers turned alike are said to be one person"
    )


def _claimed(target: Target) -> Finding:
    hr, client = target.caller("hr"), target.caller("client")
    victim, stranger = target.portraits["astronaut"], target.portraits["hopper"]
    photos = [victim.jpeg, retaken(victim), retaken(victim, turned=-5, light=0.9)]
    body = {"full_name": "Hanging Photos", "employee_id": "ATTACK-TURNED", "consent": CONSENT}
    hr.post("/register-multiple/", json={**body, "images": [b64(_turned(photo, 180)) for photo in photos]})
    passed, tried = [], (stranger.jpeg, retaken(stranger), retaken(stranger, mirrored=True))
    for photo in tried:
        claim = {"employee_id": "ATTACK-TURNED", "image_base64": b64(_turned(photo, 180))}
        answer = client.follow(client.post("/verifications/", json=claim)).answer
        passed.append(answer["outcome"] != "rejected")
    figure = f"{sum(passed)} of {len(passed)} hanging photos of a stranger match who was enrolled by hanging photos"
    return Finding(held=not any(passed), figure=figure)


def _turned(photo: bytes, degrees: int) -> bytes:
    with PillowImage.open(BytesIO(photo)) as picture:
        return jpeg(picture.rotate(degrees, expand=True), quality=92)
