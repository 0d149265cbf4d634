"""Evidence: the frames that a decision rests on, kept encrypted, shown only to those who may and never unnoticed."""

import re
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from enrollment.services import templates
from enrollment.services.policies import policy_of
from enrollment.services.templates import Reference
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto import files, former
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.errors import Refusal
from heirloom.media.image import encode_jpeg
from heirloom.vision.comparison import compare
from heirloom.vision.types import Template
from verification.models import EvidenceFrame, Verification, frame_place
from verification.services.probes import Frame, Probe

MOST_FRAMES = 8
JPEG_QUALITY = 85
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FORMER_PATH = f"^frames/{_UUID}/{_UUID}$"
"""How the files of frames were named before."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptFrame:
    frame: Frame
    storage_name: str


def score(probe: Template | None, reference: Reference | None) -> float | None:
    """Return the raw comparison score; None where there is nothing to compare."""
    return None if probe is None or reference is None else compare(probe, reference.template)


@contextmanager
def kept(verification: Verification, probe: Probe) -> Iterator[Sequence[KeptFrame]]:
    """Store the frames worth showing, encrypted under the capture's key; slow, so outside any transaction.

    If the block that writes their rows fails, no file stays behind.
    """
    capture = verification.capture
    if capture is None:
        yield ()
        return
    stored: list[KeptFrame] = []
    try:
        for frame in _worth_showing(probe):
            name = new_name(verification.id, len(stored))
            stored.append(KeptFrame(frame, name))
            files.write(subject=capture.subject, name=name, chunks=[encode_jpeg(frame.image, JPEG_QUALITY)])
        yield stored
    except BaseException:
        files.forget([item.storage_name for item in stored])
        raise


def record(verification: Verification, probe: Probe, kept: Sequence[KeptFrame]) -> None:
    """Write the rows of the kept frames, in the caller's transaction; where the capture was erased, let go of them."""
    if verification.capture is None:
        files.forget(item.storage_name for item in kept)
        return
    reference = None
    if verification.reference_count and verification.person is not None and probe.template is not None:
        reference = templates.reference(person=verification.person, model=probe.template.model)
    EvidenceFrame.objects.bulk_create(_row(verification, number, item, reference) for number, item in enumerate(kept))


def read_frame(*, frame: EvidenceFrame, viewer: User) -> bytes:
    """Return a frame's JPEG and note in the audit log who looked.

    Raises Refusal "not_found" when the capture was erased.
    """
    verification = frame.verification
    if verification.capture is None:
        raise Refusal("not_found")
    audit.record(
        action=Action.EVIDENCE_VIEWED,
        subject_kind="verification",
        subject_id=verification.id,
        actor=viewer,
        details={"frame": frame.number},
    )
    return files.read_bytes(subject=verification.capture.subject, name=frame.storage_name, place=place_of(frame))


def place_of(frame: EvidenceFrame) -> str:
    """Return what the name of a frame's file must begin with.

    Names of before told the verification and not which of its frames; they are read as long as seals of before are.
    """
    of_verification = frame.storage_name.startswith(f"frames/{frame.verification_id}/")
    is_former = of_verification and re.match(FORMER_PATH, frame.storage_name)
    return frame.storage_name if is_former and former.are_opened() else frame.file_place


def new_name(verification_id: uuid.UUID, number: int) -> str:
    """Return a name that no file has, for one frame of a verification."""
    return f"{frame_place(verification_id, number)}-{uuid.uuid4()}"


def _worth_showing(probe: Probe) -> list[Frame]:
    """The counted frames first, then others that say why they did not count, in time order."""
    others = [frame for frame in probe.frames if frame not in probe.counted]
    chosen = [*probe.counted, *others][:MOST_FRAMES]
    return sorted(chosen, key=lambda frame: frame.image.at_s or 0.0)


def _row(verification: Verification, number: int, kept: KeptFrame, reference: Reference | None) -> EvidenceFrame:
    seen, image = kept.frame.observation, kept.frame.image
    attack = next(iter(seen.attack), None) if seen else None
    return EvidenceFrame(
        verification=verification,
        number=number,
        at_s=image.at_s,
        box=asdict(seen.face.box) if seen else None,
        quality=seen.quality.score if seen else None,
        attack_score=attack.score if attack else None,
        similarity=_similarity(verification, seen.template if seen else None, reference),
        reasons=list(kept.frame.reasons),
        width=image.width,
        height=image.height,
        storage_name=kept.storage_name,
    )


def _similarity(verification: Verification, template: Template | None, reference: Reference | None) -> float | None:
    """Return how alike one frame is, by the threshold for a single frame."""
    raw, policy = score(template, reference), policy_of(verification.model)
    if raw is None or policy is None or reference is None:
        return None
    threshold = policy.threshold(reference.count, 1, VERIFICATION_FMR)
    return None if threshold is None else policy.similarity(raw, threshold)


def held_files(names: Collection[str]) -> set[str]:
    """Return which of these files a frame names."""
    return set(EvidenceFrame.objects.filter(storage_name__in=names).values_list("storage_name", flat=True))
