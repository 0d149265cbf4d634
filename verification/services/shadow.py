"""Two packs side by side: how each reads the people enrolled and the verifications of late. Nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass

from enrollment.services import captures, templates
from enrollment.services.labelled import enrolled_gallery
from enrollment.services.policies import policy_of, same_person_from
from heirloom.decision.verification import VERIFICATION_FMR, Reading, read
from heirloom.errors import Refusal
from heirloom.evaluation.gallery import Means, mated, non_mated
from heirloom.evaluation.rates import Rate, fnmr
from heirloom.vision.types import Vision
from verification.models import Verification
from verification.services import evidence
from verification.services.probes import look

FRAMES = 8
NOT_COMPARED = "not_compared"
"""No face, no reference, or a file that is gone: nothing there to read."""

READINGS = (*(str(reading) for reading in Reading), NOT_COMPARED)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the enrolled templates say of one model, one against one, at its policy's threshold.

    threshold: None where no policy is measured; the rates are then None too, and where there is nothing to count.
    """

    model: str
    threshold: float | None
    fmr: Rate | None
    fnmr: Rate | None


def enrolled(model: str) -> Enrolled:
    """Return the error rates among the people enrolled here; several pictures of one visit resemble each other."""
    policy = policy_of(model)
    threshold = policy.threshold(1, 1, VERIFICATION_FMR) if policy else None
    if threshold is None:
        return Enrolled(model, None, None, None)
    gallery = enrolled_gallery(model=model)
    singles = Means(gallery.vectors, gallery.people)
    strangers, (pairs, _) = non_mated(singles, singles), mated(gallery, 1, 1, draws=1)
    return Enrolled(
        model,
        threshold,
        strangers.fmr(threshold) if strangers.total else None,
        fnmr(pairs, threshold) if len(pairs) else None,
    )


def verifications(*, now: str, then: str, vision: Vision, newest: int) -> Iterator[tuple[str, str]]:
    """Yield how each of the newest 1:1 verifications reads under the pack of `now` and under that of `then`.

    Both are computed anew from the capture, where its file is still held; recognition alone, no attack checks.
    """
    rows = Verification.objects.comparable().order_by("-created_at")[:newest]
    for row in rows.iterator(chunk_size=50):
        try:
            yield _reading(row, now, vision), _reading(row, then, vision)
        except Refusal as refusal:
            if refusal.status >= 500:
                raise
            yield NOT_COMPARED, NOT_COMPARED


def _reading(verification: Verification, pack: str, vision: Vision) -> str:
    capture, person = verification.capture, verification.person
    if capture is None or person is None:
        return NOT_COMPARED
    with captures.images_of(capture, most_frames=FRAMES) as images:
        probe = look(images, vision=vision, same_person_from=same_person_from, pack=pack)
    reference = templates.reference(person=person, model=probe.template.model) if probe.template else None
    score = evidence.score(probe.template, reference)
    if score is None or reference is None or probe.template is None:
        return NOT_COMPARED
    policy = policy_of(probe.template.model)
    zone = policy.zone(reference.count, len(probe.counted), VERIFICATION_FMR) if policy else None
    return str(read(score, zone))
