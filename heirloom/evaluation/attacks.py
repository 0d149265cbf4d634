"""What the attack check says of labelled presentations, in the terms of ISO/IEC 30107-3."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heirloom.errors import Refusal
from heirloom.evaluation.det import attack_chart
from heirloom.evaluation.pictures import SUFFIXES
from heirloom.evaluation.rates import Rate, apcer, bpcer, caveat, rate
from heirloom.evaluation.report import Doubles, ScoreChart, Section, Spread, Table
from heirloom.media import video
from heirloom.media.image import read_image
from heirloom.media.types import Image
from heirloom.vision.types import AttackOutcome, AttackSignal

BONA_FIDE = "bona_fide"
CLIPS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp"})
FRAMES = 8
BINS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """One presentation, as one detector judged it.

    species: BONA_FIDE, or the folder of the attack. why: the code of what kept it from a score.
    """

    detector: str
    name: str
    species: str
    score: float | None
    why: str = ""


def presentations_in(folder: Path) -> dict[str, list[Path]]:
    """Return the photos and clips of `bona_fide` and of every attack species, one subfolder each.

    Raises ValueError where bona fide presentations, or attacks, are missing.
    """
    found = {
        each.name: sorted(path for path in each.iterdir() if path.suffix.lower() in SUFFIXES | CLIPS)
        for each in sorted(path for path in folder.iterdir() if path.is_dir())
    }
    found = {species: paths for species, paths in found.items() if paths}
    if BONA_FIDE not in found or len(found) < 2:
        raise ValueError(f"{folder} needs a folder {BONA_FIDE} and one for each kind of attack, with photos or clips")
    return found


def judge(
    presentations: dict[str, list[Path]],
    detectors: Sequence[str],
    signals_of: Callable[[Sequence[Image]], Sequence[AttackSignal]],
    tell: Callable[[str], None] = lambda _line: None,
) -> tuple[Judged, ...]:
    """Return what each detector says of each presentation. signals_of: one answer of each, in order, for its pictures.

    A file that cannot be read is counted as not judged, never left out.
    """
    judged: list[Judged] = []
    for species, paths in presentations.items():
        for path in paths:
            judged += _judged(path, species, detectors, signals_of)
        tell(f"Judged {len(paths):,} presentations of {species}.")
    return tuple(judged)


def sections(everything: Sequence[Judged], detector: str, threshold: float) -> tuple[Section, ...]:
    """Return the error rates of a detector that may vouch at the threshold, and how its scores lie."""
    judged, genuine, by_species = _of(everything, detector)
    return (
        _errors(judged, genuine, by_species, detector, threshold),
        Section("attack-det", "What is paid for what", chart=attack_chart(genuine, by_species, f"{detector}: DET")),
        Section("attack-scores", "Attack scores", chart=_spreads(genuine, by_species, detector)),
    )


def accusations(everything: Sequence[Judged], detector: str, threshold: float) -> tuple[Section, ...]:
    """Return how often a detector that can only accuse does, and how its scores lie. Its silence accuses nobody."""
    _, genuine, by_species = _of(everything, detector)
    rows = tuple(
        (label, f"{one.trials:,}", one.shares(), f"{_silent(scores).value:.2%}", caveat(one))
        for label, scores in {"bona fide: false accusations": genuine, **by_species}.items()
        for one in (rate(int((scores >= threshold).sum()), len(scores)),)
    )
    explained = (
        f"`{detector}` accuses from {threshold:g} on, and can do nothing else: whom it does not accuse gains nothing. "
        "*Without an answer*: as if it were not there."
    )
    header = ("", "presentations", "accused (95 % Wilson)", "without an answer", "caution")
    return (
        Section(f"accusations-{detector}", f"Accusations by {detector}", (explained,), Table(header, rows)),
        Section(f"accusers-{detector}", f"Scores of {detector}", chart=_spreads(genuine, by_species, detector)),
    )


def _of(everything: Sequence[Judged], detector: str) -> tuple[list[Judged], Doubles, dict[str, Doubles]]:
    """Return what one detector judged, and its scores of the bona fide and of each species; NaN is without a score."""
    judged = [one for one in everything if one.detector == detector]
    by_species = {
        species: np.array([np.nan if one.score is None else one.score for one in judged if one.species == species])
        for species in dict.fromkeys(one.species for one in judged)
    }
    return judged, by_species.pop(BONA_FIDE), by_species


def _judged(
    path: Path,
    species: str,
    detectors: Sequence[str],
    signals_of: Callable[[Sequence[Image]], Sequence[AttackSignal]],
) -> list[Judged]:
    name = f"{species}/{path.name}"
    try:
        signals = signals_of(_images(path))
    except Refusal as refusal:
        return [Judged(detector, name, species, None, refusal.code) for detector in detectors]
    return [_heard(signal, name, species) for signal in signals]


def _heard(signal: AttackSignal, name: str, species: str) -> Judged:
    if signal.outcome is AttackOutcome.INCONCLUSIVE:
        return Judged(signal.detector, name, species, None, signal.why)
    return Judged(signal.detector, name, species, signal.score)


def _images(path: Path) -> tuple[Image, ...]:
    if path.suffix.lower() in CLIPS:
        return video.sample(path, video.probe(path), count=FRAMES)
    return (read_image(path.read_bytes()),)


def _errors(
    judged: Sequence[Judged], genuine: Doubles, attacks: dict[str, Doubles], detector: str, threshold: float
) -> Section:
    everything = np.concatenate(list(attacks.values()))
    names = [species for species, scores in attacks.items() for _ in scores]
    passed = apcer(everything, names, threshold)
    rows = [_row("bona fide: BPCER, BPNRR", bpcer(genuine, threshold), _silent(genuine))]
    rows += [_row(f"{species}: APCER, APNRR", passed[species], _silent(attacks[species])) for species in attacks]
    reasons = sorted({one.why for one in judged if one.score is None})
    explained = (
        f"`{detector}` at the policy's threshold {threshold:g}. *BPCER*: bona fide presentations that are not taken "
        "for bona fide, those without an answer included. *APCER*: attacks of one species that are; each species "
        "stands alone, for an attacker will use the worst. *Without an answer* (BPNRR, APNRR): they go to review."
    )
    silence = f"Why there was no answer: {', '.join(f'`{reason}`' for reason in reasons)}." if reasons else ""
    header = ("", "presentations", "error (95 % Wilson)", "without an answer", "caution")
    return Section(
        "attacks", "Presentation attacks", tuple(filter(None, (explained, silence))), Table(header, tuple(rows))
    )


def _row(label: str, error: Rate, silent: Rate) -> tuple[str, ...]:
    return label, f"{error.trials:,}", error.shares(), f"{silent.value:.2%}", caveat(error)


def _silent(scores: Doubles) -> Rate:
    return rate(int(np.isnan(scores).sum()), len(scores))


def _spreads(genuine: Doubles, attacks: dict[str, Doubles], detector: str) -> ScoreChart:
    edges = np.linspace(0.0, 1.0, BINS + 1)
    spreads = [_spread(name, scores, edges) for name, scores in {"bona fide": genuine, **attacks}.items()]
    return ScoreChart(f"{detector}: scores", "attack score, higher is more likely an attack", edges, tuple(spreads))


def _spread(label: str, scores: Doubles, edges: Doubles) -> Spread:
    told = scores[np.isfinite(scores)]
    return Spread(label, np.histogram(told, edges)[0] / max(1, len(told)), len(told))
