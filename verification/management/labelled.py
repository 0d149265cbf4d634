"""What `calibrate` and `evaluate` measure: labelled pictures, or the people enrolled here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import CommandParser

from enrollment.services.labelled import enrolled_gallery, enrolled_groups
from heirloom.evaluation.calibration import Measured, measure, measure_pairs
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.groups import Grouping, groups_in
from heirloom.evaluation.pictures import Computed, compute, corrected, gallery_of, pairs_in, people_in
from heirloom.evaluation.proposal import Source
from heirloom.evaluation.rates import fta
from heirloom.jobs.packs import active_or_configured
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.runtime import CPU, CUDA
from heirloom.vision.types import Floats, PackInfo

KINDS = ("folder", "pairs", "enrolled")
ONE_VISIT = (
    "Templates that were taken in one visit resemble each other more than a later probe will: read the FNMR as a lower "
    "bound where people were enrolled once."
)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """What was measured.

    gallery: whose templates are whose; None for listed pairs, which say only that of each two. enrolled: they are of
    the people enrolled here.
    """

    source: Source
    measured: tuple[Measured, ...]
    gallery: Gallery | None
    enrolled: bool = False


def add_arguments(parser: CommandParser, *, required: bool) -> None:
    what = parser.add_mutually_exclusive_group(required=required)
    what.add_argument("--folder", type=Path, help="a folder with one subfolder of pictures for each person")
    what.add_argument("--pairs", type=Path, help="a CSV file: two pictures, and whether they show one person")
    what.add_argument("--enrolled", action="store_true", help="the templates of the people enrolled here")
    parser.add_argument(
        "--corrections", type=Path, help="with --folder: a CSV file, pictures and the folder of whom they show in truth"
    )
    parser.add_argument("--images", type=Path, help="with --pairs: where its pictures are")
    parser.add_argument("--groups", type=Path, help="with --folder: a CSV file, each person's folder and their groups")
    parser.add_argument("--groups-note", default="", help="with --groups: how it is known who belongs to which")
    parser.add_argument(
        "--group-by",
        action="append",
        default=[],
        metavar="KEY",
        help="with --enrolled: a key of people's metadata, department or position; may be given again",
    )
    parser.add_argument("--pack", default="", help="the pack to measure; the active one if left out")
    parser.add_argument("--data-set", default="", help="what the pictures are, for the record")
    parser.add_argument("--note", default="", help="what the figures do not say, for the record")
    parser.add_argument("--max-people", type=int, help="measure on the first so many people only")
    parser.add_argument(
        "--keep-templates",
        type=Path,
        help="a file that keeps templates for when the same pictures are measured again: biometric data, in plain",
    )


def engine_of(pack: str) -> tuple[VisionEngine, PackInfo]:
    """Return an engine of this installation, not loaded yet, and what the pack's name means here.

    Measuring has time: the GPU is used only where it is named. Raises Refusal "model_not_available".
    """
    named = pack or active_or_configured()
    engine = VisionEngine(
        VisionConfig(
            settings.MODELS_DIR,
            named,
            CUDA if settings.VISION_DEVICE == CUDA else CPU,
            settings.VISION_THREADS,
            acknowledged=tuple(settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED),
        )
    )
    return engine, engine.resolve(named)


def measured(engine: VisionEngine, info: PackInfo, options: dict[str, Any], command: str, tell: Tell) -> Labelled:
    """Measure what the options name. command: the name of the command that runs.

    Raises ValueError where there is nothing to measure, OSError where files are missing.
    """
    _refuse_misplaced(options)
    if options["enrolled"]:
        gallery = enrolled_gallery(model=info.model, most_people=options["max_people"])
        groups = _groups_of_enrolled(info, options)
        source = _source(info, options, command, "the people enrolled here", gallery, 0, groups)
        return Labelled(source, measure(gallery, tell=tell, grouping=groups), gallery, enrolled=True)
    if options["pairs"]:
        return _of_pairs(engine, info, options, command, tell)
    people = people_in(options["folder"], options["max_people"])
    people = corrected(people, options["corrections"]) if options["corrections"] else people
    groups = groups_in(options["groups"], list(people), options["groups_note"]) if options["groups"] else None
    pictures = [path for paths in people.values() for path in paths]
    vectors = _computed(engine, info, pictures, options["keep_templates"], tell).vectors
    gallery = gallery_of(people, vectors)
    source = _source(info, options, command, options["folder"].name, gallery, len(pictures) - len(vectors), groups)
    return Labelled(source, measure(gallery, tell=tell, grouping=groups), gallery)


def _refuse_misplaced(options: dict[str, Any]) -> None:
    if options["groups"] and not options["folder"]:
        raise ValueError("--groups names the people of a --folder")
    if options["group_by"] and not options["enrolled"]:
        raise ValueError("--group-by names what is noted of people who are --enrolled")


def _groups_of_enrolled(info: PackInfo, options: dict[str, Any]) -> Grouping | None:
    if not options["group_by"]:
        return None
    return enrolled_groups(model=info.model, keys=options["group_by"], most_people=options["max_people"])


def command_line(options: dict[str, Any], command: str, pack: str) -> str:
    """Return what was run, without the folders of this machine."""
    kind = next((key for key in KINDS if options[key]), None)
    parts = ["manage.py", command]
    if kind is not None:
        parts += [f"--{kind}", *([] if kind == "enrolled" else [options[kind].name])]
    if options.get("corrections"):
        parts += ["--corrections", options["corrections"].name]
    if options.get("groups"):
        parts += ["--groups", options["groups"].name]
    for key in options.get("group_by", ()):
        parts += ["--group-by", key]
    if options.get("attacks"):
        parts += ["--attacks", options["attacks"].name]
    parts += ["--pack", pack]
    return " ".join([*parts, *(["--max-people", str(options["max_people"])] if options["max_people"] else [])])


def _of_pairs(engine: VisionEngine, info: PackInfo, options: dict[str, Any], command: str, tell: Tell) -> Labelled:
    pairs = pairs_in(options["pairs"], options["images"] or options["pairs"].parent)
    pictures = sorted({path for pair in pairs for path in (pair.left, pair.right)})
    vectors = _computed(engine, info, pictures, options["keep_templates"], tell).vectors
    usable = [pair for pair in pairs if pair.left in vectors and pair.right in vectors]
    scores = np.array([float(vectors[pair.left] @ vectors[pair.right]) for pair in usable])
    same = np.array([pair.same for pair in usable], dtype=np.bool_)
    nameless = Gallery(np.stack(list(vectors.values())), np.arange(len(vectors), dtype=np.int64))
    source = _source(info, options, command, options["pairs"].name, nameless, len(pictures) - len(vectors))
    return Labelled(source, (measure_pairs(scores[same], scores[~same]),), None)


def _computed(
    engine: VisionEngine, info: PackInfo, pictures: Sequence[Path], kept: Path | None, tell: Tell
) -> Computed:
    known = _read_templates(kept, info.model) if kept and kept.exists() else {}
    missing = [path for path in pictures if path.as_posix() not in known]
    fresh = Computed({}, {})
    if missing:
        tell(f"Computing {len(missing):,} templates with the pack {info.name}.")
        engine.load()
        fresh = compute(missing, engine, info.name, lambda done, of: _progress(tell, done, of))
        engine.close()
    vectors = {path: known[path.as_posix()] for path in pictures if path.as_posix() in known} | fresh.vectors
    if kept and fresh.vectors:
        stored = {"paths": [path.as_posix() for path in vectors], "vectors": np.stack(list(vectors.values()))}
        np.savez(kept, model=info.model, **stored)  # type: ignore[arg-type]
        kept.chmod(0o600)
    return Computed(vectors, fresh.failed)


def _progress(tell: Tell, done: int, of: int) -> None:
    if done == of or done % 320 < 32:
        tell(f"{done:,} of {of:,} pictures")


def _source(
    info: PackInfo,
    options: dict[str, Any],
    command: str,
    name: str,
    gallery: Gallery,
    failed: int,
    groups: Grouping | None = None,
) -> Source:
    images = len(gallery.vectors)
    return Source(
        model=info.model,
        pack=info.name,
        data_set=options["data_set"] or name,
        people=0 if options["pairs"] else len(np.unique(gallery.people)),
        images=images,
        measured_on=datetime.now(tz=UTC).date().isoformat(),
        command=command_line(options, command, info.name),
        note=" ".join(filter(None, (options["note"], ONE_VISIT if options["enrolled"] else ""))),
        fta=None if options["enrolled"] else fta(failed, images + failed),
        groups=groups.how if groups else "",
    )


def _read_templates(path: Path, model: str) -> dict[str, Floats]:
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["model"]) != model:
            raise ValueError(f"{path} holds templates of {kept['model']}, not of {model}")
        return dict(zip(kept["paths"].tolist(), kept["vectors"], strict=True))
