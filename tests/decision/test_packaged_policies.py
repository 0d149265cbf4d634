import os
from pathlib import Path

import pytest

from heirloom.decision.identification import DuplicateVerdict, ScoredCandidate, duplicate_of
from heirloom.decision.policy import Caveat, Policy
from heirloom.decision.policy_files import PACKAGED, file_name, load, parse
from heirloom.decision.verification import COMPARE_FMR, VERIFICATION_FMR, Outcome, Rules, VerificationEvidence, decide
from heirloom.evaluation.pictures import compute, pairs_in
from heirloom.vision.engine import VisionConfig, VisionEngine
from tests.decision import made

BUILT_IN = "dlib-resnet-v1-avg3"
NEWCOMERS = Rules(target_fpir=0.01)
"""What the duplicate check asks for at least."""
ONLY_FOR_TESTS = Path(__file__).parent / "policies"


@pytest.fixture
def policy() -> Policy:
    found = load(BUILT_IN)
    assert found is not None
    return found


def test_every_policy_here_is_whole_and_named_after_its_model() -> None:
    paths = [*PACKAGED.glob("*.json"), *ONLY_FOR_TESTS.glob("*.json")]
    assert paths
    for path in paths:
        assert path.name == file_name(parse(path.read_text()).model)


def test_no_packaged_policy_is_without_groups_and_searches() -> None:
    for path in PACKAGED.glob("*.json"):
        found = parse(path.read_text())
        assert found.groups, path.name
        assert found.searches, path.name
        assert found.provenance.groups, path.name
        assert all(point.held for cell in found.cells for point in cell.points), path.name


def test_the_built_in_pack_decides_for_any_number_of_references_and_frames(policy: Policy) -> None:
    for references in (1, 2, 3, 4, 5, 8, 20):
        for probes in (1, 2, 3, 5, 16):
            for fmr in (COMPARE_FMR, VERIFICATION_FMR):
                zone = policy.zone(references, probes, fmr)
                assert zone is not None
                assert zone.reject_below is not None
                assert zone.approve_from is not None
                assert zone.reject_below < zone.threshold <= zone.approve_from < 0.99


def test_the_built_in_pack_says_whom_it_fails_and_is_held_to_them(policy: Policy) -> None:
    worst = policy.worst(VERIFICATION_FMR)
    assert worst is not None
    group, rate = worst
    assert group.label == "race: asian"
    assert rate.low > 10 * VERIFICATION_FMR
    assert policy.caveats(VERIFICATION_FMR) == (Caveat.GROUPS_UNEQUAL, Caveat.GROUP_NOT_SHOWN)
    cells = {(cell.references, cell.probes): cell for cell in policy.cells}
    for cell in cells.values():
        assert all(point.held and point.held.threshold > point.threshold for point in cell.points)


def test_a_policy_says_where_its_thresholds_come_from(policy: Policy) -> None:
    assert policy.provenance.people == 1_704
    assert policy.provenance.images == 3_825
    assert policy.provenance.command.startswith("manage.py calibrate")
    assert "say nothing of fitness" in policy.provenance.note


@pytest.mark.parametrize("size", [1, 10, 100, 1_000, 10_000])
def test_the_same_picture_enrolled_again_never_slips_through(policy: Policy, size: int) -> None:
    for references in (1, 3, 5):
        check = duplicate_of([ScoredCandidate("alice", 0.99, references)], size, 1, policy, NEWCOMERS)
        assert check.verdict is not DuplicateVerdict.CLEAR
        if size <= 100:
            assert check.verdict is DuplicateVerdict.DUPLICATE


def test_no_stranger_among_the_shared_faces_is_approved(assets: Path, policy: Policy) -> None:
    faces = assets / "data" / "faces" / "lfw"
    pairs = pairs_in(faces / "pairs.csv", faces)
    chosen = [pair for pair in pairs if pair.same][:10] + [pair for pair in pairs if not pair.same][:10]
    engine = VisionEngine(VisionConfig(Path(os.environ["MODELS_DIR"])))
    engine.load()
    vectors = compute(sorted({p for pair in chosen for p in (pair.left, pair.right)}), engine, "dlib").vectors
    engine.close()
    outcomes: dict[bool, list[Outcome]] = {True: [], False: []}
    for pair in chosen:
        score = float(vectors[pair.left] @ vectors[pair.right])
        given = VerificationEvidence(score, 1, 1, attack=made.LIVE, reasons=(), several_people=False)
        outcomes[pair.same].append(decide(given, policy, Rules()).outcome)
    assert Outcome.APPROVED not in outcomes[False]
    assert outcomes[False].count(Outcome.REJECTED) >= 9
    assert outcomes[True].count(Outcome.APPROVED) >= 6
    assert outcomes[True].count(Outcome.REJECTED) <= 1
