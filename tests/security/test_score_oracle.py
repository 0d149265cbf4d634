"""Answers about strangers' photos, claimed as one person, must not give back that person's sealed template.

The attacker knows the weights, so the template of each picture that it sends; the policy, so the threshold; and what
faces are like on the whole. Templates are made here with the statistics of dlib's (two strangers: cosine 0.87 +- 0.03,
one person's photos: 0.96), each answer by the product's own decision and serializer. A cosine of whole templates would
flatter the attack, for any two faces share a mean: what is compared is what is left of both without it.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from enrollment.services.policies import policy_of
from heirloom.accounts.models import EVIDENCE, User
from heirloom.decision.attack import NOT_CHECKED
from heirloom.decision.policy import Policy
from heirloom.decision.verification import VERIFICATION_FMR, Rules, VerificationEvidence, decide
from verification.api.serializers import VerificationRowSerializer
from verification.models import Verification

MODEL, DIMENSIONS, REFERENCES = "dlib-resnet-v1-avg3", 128, 3
ANSWERS, WITH_RAW_NUMBERS = 500, 140
MOST = 0.3
RULES = Rules(fmr=VERIFICATION_FMR, attack_check_required=False)
Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Faces:
    """Whoever is in front of cameras: `mean` is what all share, `spread` the deviation along each of the axes."""

    mean: Vectors
    axes: Vectors
    spread: Vectors

    def draw(self, count: int, random: np.random.Generator) -> Vectors:
        return self.around(self.mean, count, random, 1.0)

    def around(self, face: Vectors, count: int, random: np.random.Generator, share: float) -> Vectors:
        drawn = face + share * (random.normal(size=(count, DIMENSIONS)) * self.spread) @ self.axes
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def faces() -> Faces:
    random = np.random.default_rng(7)
    axes, _ = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))
    fall = np.exp(-np.arange(DIMENSIONS) / 25.0)
    return Faces(axes[0], axes, np.sqrt(0.15 * fall / fall.sum()))


def policy() -> Policy:
    found = policy_of(MODEL)
    assert found is not None
    return found


def login(*scopes: str) -> User:
    user = User(username="kiosk", scopes=list(scopes))
    user._roles = {"client"}
    return user


def answers(truth: Vectors, sent: Vectors, user: User) -> list[dict[str, Any]]:
    """What the API says of each picture, claimed as this person."""
    context = {"request": SimpleNamespace(user=user), "jobs": {}, "reviews": {}, "candidates": {}}
    return [VerificationRowSerializer(_concluded(float(one @ truth)), context=context).data for one in sent]


def _concluded(score: float) -> Verification:
    found = decide(
        VerificationEvidence(score, REFERENCES, 1, attack=NOT_CHECKED, reasons=(), several_people=False),
        policy(),
        RULES,
    )
    return Verification(
        mode="verification",
        model=MODEL,
        outcome=found.outcome,
        reasons=list(found.reasons),
        score=found.score,
        similarity=found.similarity,
        threshold=found.threshold,
        confidence=found.confidence,
        policy=found.policy,
    )


def likeness(guess: Vectors, truth: Vectors, faces: Faces) -> float:
    """The cosine of both without what all faces share; 0 for a guess that says nothing."""
    one, other = guess - faces.mean * (guess @ faces.mean), truth - faces.mean * (truth @ faces.mean)
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 1e-12 else 0.0


def by_least_squares(sent: Vectors, told: list[dict[str, Any]], faces: Faces) -> Vectors:
    """Read each number back into the score that it was made of, and solve for the template, near the mean of faces."""
    known = [(x, _score(answer)) for x, answer in zip(sent, told, strict=True)]
    rows = [(x, score) for x, score in known if score is not None]
    if not rows:
        return faces.mean
    design, scores = np.array([x for x, _ in rows]), np.array([score for _, score in rows])
    likely = (faces.axes.T * faces.spread**2) @ faces.axes
    gain = likely @ design.T @ np.linalg.inv(design @ likely @ design.T + 1e-10 * np.eye(len(rows)))
    return np.asarray(faces.mean + gain @ (scores - design @ faces.mean))


def _score(answer: dict[str, Any]) -> float | None:
    similarity, threshold = answer["similarity"], answer["threshold"]
    if similarity is None or threshold is None or not 0 < similarity < 1:
        return None
    return float(threshold + np.log(similarity / (1 - similarity)) / policy()._steepness)


def by_decisions(sent: Vectors, told: list[dict[str, Any]], faces: Faces) -> Vectors:
    """Order the answers (no match, near, a match, a clear one) and regress that on the pictures."""
    levels = {"rejected": 0.0, "needs_review": 1.0, "approved": 2.0}
    worth = np.array([levels[answer["outcome"]] + (answer["similarity"] or 0.0) for answer in told])
    offsets = sent - sent.mean(axis=0)
    ridge = offsets.T @ offsets + 1e-2 * np.eye(DIMENSIONS)
    return np.asarray(faces.mean + np.linalg.solve(ridge, offsets.T @ (worth - worth.mean())))


def by_refusals(sent: Vectors, told: list[dict[str, Any]], faces: Faces) -> Vectors:
    """Take the mean of all templates that fit: of likely faces those that each answer would have been the same for."""
    random = np.random.default_rng(11)
    limit = policy().zone(REFERENCES, 1, VERIFICATION_FMR)
    assert limit is not None
    assert limit.reject_below is not None
    refused = sent[[answer["outcome"] == "rejected" for answer in told]]
    drawn = faces.draw(5_000, random)
    fits = (drawn @ refused.T < limit.reject_below).all(axis=1)
    return np.asarray(drawn[fits].mean(axis=0)) if fits.any() else faces.mean


ATTACKS = (by_least_squares, by_decisions, by_refusals)


def best_of(truth: Vectors, sent: Vectors, user: User, faces: Faces) -> float:
    told = answers(truth, sent, user)
    return max(likeness(attack(sent, told, faces), truth, faces) for attack in ATTACKS)


@pytest.mark.parametrize("person", range(4))
def test_500_answers_about_strangers_give_nothing_of_a_template_back(faces: Faces, person: int) -> None:
    random = np.random.default_rng(100 + person)
    truth, sent = faces.draw(1, random)[0], faces.draw(ANSWERS, random)
    found = best_of(truth, sent, login(), faces)
    assert found < MOST, f"cosine {found:.3f}"


def test_the_attack_is_a_real_one_with_the_numbers_as_measured(faces: Faces) -> None:
    random = np.random.default_rng(5)
    truth, sent = faces.draw(1, random)[0], faces.draw(WITH_RAW_NUMBERS, random)
    assert best_of(truth, sent, login(EVIDENCE), faces) > 0.99


def test_a_bent_photo_that_matches_is_told_two_steps_apart_and_no_finer(faces: Faces) -> None:
    """Of whoever holds one photo that matches, each number would count: it is bent until the answers vary."""
    random = np.random.default_rng(3)
    truth = faces.draw(1, random)[0]
    photo = faces.around(truth, 1, random, 0.4)[0]
    told = answers(truth, faces.around(photo, ANSWERS, random, 0.5), login())
    assert {answer["similarity"] for answer in told} == {None, 0.5, 0.9}
    assert {answer["confidence"] for answer in told} <= {None, 0.5, 0.9}
    assert {answer["threshold"] is None for answer in told if answer["similarity"] is None} == {True}
