"""Comparisons answered in the call; nothing of them is stored."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings

from enrollment.services import gallery
from enrollment.services.policies import attack_policy_of, policy_of
from heirloom.decision import injection
from heirloom.decision.attack import AttackCheck, check
from heirloom.decision.identification import RankedCandidate, rank
from heirloom.decision.policy import Caveat
from heirloom.decision.verification import COMPARE_FMR, Rules
from heirloom.errors import Refusal
from heirloom.jobs.vision import vision
from heirloom.media.types import Image, Still
from heirloom.vision.comparison import compare as compare_templates
from heirloom.vision.types import AnalysisRequest
from verification.services.probes import single_face, single_faces


@dataclass(frozen=True, slots=True)
class Comparison:
    """similarity, threshold and confidence are None where no policy was measured; then nothing is "the same person"."""

    is_same_person: bool
    similarity: float | None
    confidence: float | None
    raw_score: float
    threshold: float | None
    policy: str
    caveats: tuple[Caveat, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Match:
    hit: gallery.Hit
    ranked: RankedCandidate


def compare(*, first: Image, second: Image, pack: str = "") -> Comparison:
    """Compare two photos at FMR 1e-3.

    Raises Refusal "no_face", "several_faces", or the code of what falls short in a photo's quality.
    """
    faces = single_faces({"face1_image_base64": first, "face2_image_base64": second}, vision=vision(), pack=pack)
    a, b = (face.template for face in faces)
    if a is None or b is None:
        raise Refusal("low_quality")
    score = compare_templates(a, b)
    policy = policy_of(a.model)
    threshold = policy.threshold(1, 1, COMPARE_FMR) if policy else None
    if policy is None or threshold is None:
        return Comparison(False, None, None, score, None, "", (), a.model)
    same = score >= threshold
    confidence = policy.confidence(score, 1, 1, matched=same)
    similarity, caveats = policy.similarity(score, threshold), policy.caveats(COMPARE_FMR)
    return Comparison(same, similarity, confidence, score, threshold, policy.name, caveats, a.model)


def attack_check(*, photo: Still) -> AttackCheck:
    """Return what is said of a photo of one face, by its pixels and by its metadata; "could not tell" is an answer too.

    The first signal is that of the passive detector that may vouch.
    Raises Refusal "no_face" or "several_faces".
    """
    (analysis,) = vision().analyze([photo.image], AnalysisRequest(want=frozenset({"attack"})))
    if len(analysis.faces) != 1:
        raise Refusal("several_faces" if analysis.faces else "no_face", attr="image_base64")
    return check(analysis.faces[0].attack, attack_policy_of, [injection.judge(photo.provenance)])


def recognize(
    *,
    image: Image,
    top_k: int,
    named: Callable[[float], bool],
    person_ids: Iterable[uuid.UUID] | None = None,
    pack: str = "",
) -> tuple[str, tuple[Match, ...]]:
    """Return the model that ran, and who in the gallery is like the face, the most alike first.

    named: says of a similarity whether the caller is told of whoever has it.
    Raises as compare does.
    """
    template = single_face(image, vision=vision(), attr="face_image_base64", pack=pack).template
    if template is None:
        raise Refusal("low_quality")
    searched = gallery.search(probe=template, count=top_k, person_ids=person_ids)
    rules = Rules(target_fpir=settings.IDENTIFICATION_TARGET_FPIR)
    ranked = rank(
        [hit.as_candidate() for hit in searched.hits], searched.gallery_size, 1, policy_of(template.model), rules
    )
    by_id = {str(hit.person.id): hit for hit in searched.hits}
    alike = [one for one in ranked if one.similarity is not None and named(one.similarity)]
    return template.model, tuple(Match(by_id[one.person_id], one) for one in alike)
