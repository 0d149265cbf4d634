"""The part of a report about searches (1:N)."""

from collections.abc import Sequence
from dataclasses import replace

from heirloom.decision.identification import identification_zone
from heirloom.decision.policy import Policy
from heirloom.decision.policy_searches import largest_gallery
from heirloom.evaluation.report import Report, Section, Table
from heirloom.evaluation.searches import Searches, sizes

SHOWN = (1e-2, 1e-3)
"""The targets that are told: one in a hundred, and one in a thousand, which NIST SP 800-63A-4 asks for."""
EXPLAINED = (
    "Real searches: everybody is looked for among others as a stranger (FPIR: somebody is found all the same), and "
    "among all with their own references there (FNIR: they are not first, or under the threshold). Smaller galleries "
    "are drawn from all people, each draw counted exactly. *match from*: where even the upper 95 % limit of the FPIR "
    "is within the target; *none*: so few people show no such score, and every find goes to a reviewer "
    "(`score_not_calibrated`). *not approved*: enrolled people who are not found first and over that score. Intervals "
    "resample people; of few errors they are widened to Wilson's."
)


def searches_section(measured: Sequence[Searches], policy: Policy | None) -> Section | None:
    """Return what searches do at the thresholds in force, and the most people for whom each target is shown."""
    if policy is None or not measured:
        return None
    rows = [
        row
        for one in measured
        for size in sizes(one)
        for target in SHOWN
        if (row := _row(one, policy, size, target)) is not None
    ]
    header = ("references, probes", "gallery", "target FPIR", "threshold", "FPIR seen", "FNIR seen", "match from")
    limits = tuple(f"{one.references}, {one.probes}: {_limits(one)}." for one in measured)
    return Section("searches", "Searches (1:N)", (EXPLAINED, *limits), Table((*header, "not approved"), tuple(rows)))


def with_searches(report: Report, measured: Sequence[Searches], policy: Policy | None) -> Report:
    """Return a report with its part about searches, before the charts."""
    section = searches_section(measured, policy)
    if section is None:
        return report
    place = next((at for at, one in enumerate(report.sections) if one.chart is not None), len(report.sections))
    return replace(report, sections=(*report.sections[:place], section, *report.sections[place:]))


def _limits(one: Searches) -> str:
    shown = ", ".join(f"{target:g} up to {largest_gallery(one.people_pairs, target):,} people" for target in SHOWN)
    return f"{one.people:,} people searched, {one.people_pairs:,} pairs, show an FPIR of {shown}"


def _row(one: Searches, policy: Policy, size: int, target: float) -> tuple[str, ...] | None:
    found = identification_zone(policy, one.references, one.probes, size, target)
    if found is None:
        return None
    zone = found.zone
    missed, approve = one.fnir(zone.threshold, size), zone.approve_from
    unapproved = one.fnir(approve, size) if approve is not None else None
    return (
        f"{one.references}, {one.probes}",
        f"{size:,}",
        f"{target:g}",
        f"{zone.threshold:.4f}",
        str(one.fpir(zone.threshold, size)),
        str(missed) if missed else "nobody has pictures enough",
        "none" if approve is None else f"{approve:.4f}",
        "all" if approve is None else str(unapproved) if unapproved else "not known",
    )
