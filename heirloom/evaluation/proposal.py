"""What a calibration proposes: a policy to adopt, and the center of the recogniser's templates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heirloom.decision.center import FEWEST_PEOPLE, Center, mean_of_people
from heirloom.decision.policy import Policy, Provenance
from heirloom.evaluation.calibration import Measured
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.holding import group_rates, held
from heirloom.evaluation.rates import Rate


@dataclass(frozen=True, slots=True)
class Source:
    """What was measured. fta: the share of pictures that gave no template, None where templates were given. groups: how
    it is known who belongs to which group, "" where nobody said.
    """

    model: str
    pack: str
    data_set: str
    people: int
    images: int
    measured_on: str
    command: str
    note: str = ""
    fta: Rate | None = None
    groups: str = ""

    def lead(self) -> tuple[str, ...]:
        """Return the paragraphs that a page about these measurements begins with."""
        people = f"{self.people:,} people, " if self.people else ""
        said = (
            f"Measured on {self.measured_on} with `{self.command}` (pack `{self.pack}`): {self.data_set}, "
            f"{people}{self.images:,} pictures with a template."
        )
        missed = f" Failure to acquire (FTA): {self.fta}." if self.fta else ""
        return tuple(filter(None, (said + missed, self.note, f"Groups: {self.groups}." if self.groups else "")))


def propose(source: Source, measured: Sequence[Measured]) -> Policy | None:
    """Return the policy that these measurements support, or None where they support no cell.

    A cell also holds with references and probes exchanged, unless that was measured by itself. Where groups were
    measured, every point is held to the worst of them (`holding.held`).
    """
    measured = held(measured)
    single = next((one for one in measured if one.references == one.probes == 1), None)
    groups = group_rates(single) if single else ()
    found = [one.cell for one in measured if one.cell is not None]
    exchanged = [
        replace(cell, references=cell.probes, probes=cell.references)
        for cell in found
        if cell.references != cell.probes
    ]
    cells = tuple(sorted([*found, *exchanged], key=lambda cell: (cell.references, cell.probes)))
    if not cells:
        return None
    return Policy(f"{source.model}@{source.measured_on}", source.model, _provenance(source), cells, groups)


def propose_center(source: Source, gallery: Gallery) -> Center | None:
    """Return the mean face of these people, or None where they are too few to be nobody."""
    if source.people < FEWEST_PEOPLE:
        return None
    return Center(source.model, _provenance(source), mean_of_people(gallery.vectors, gallery.people))


def _provenance(source: Source) -> Provenance:
    return Provenance(
        source.data_set,
        source.people,
        source.images,
        source.measured_on,
        source.command,
        source.note,
        source.groups,
    )
