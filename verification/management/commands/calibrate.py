"""Measure what the scores of a vision pack mean, and propose a policy. Nothing is changed by it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from enrollment.services.labelled import enrolled_gallery
from heirloom.decision.policy_files import dump, file_name
from heirloom.evaluation import det
from heirloom.evaluation.calibration import Measured, measure, measure_pairs
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.pictures import Computed, compute, gallery_of, pairs_in, people_in
from heirloom.evaluation.proposal import Source, page, propose
from heirloom.evaluation.rates import fta
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.runtime import CPU, CUDA
from heirloom.vision.types import PackInfo

ONE_VISIT = (
    "Templates that were taken in one visit resemble each other more than a later probe will: read the FNMR as a lower "
    "bound where people were enrolled once."
)


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # pictures in a folder are measured without a web server or database
    help = (
        "Measure the thresholds of a vision pack on labelled pictures, or on the people enrolled here, and write "
        "a proposal: a policy, a DET plot and a page. No policy is changed; the last line says how to adopt it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--folder", type=Path, help="a folder with one subfolder of pictures for each person")
        what.add_argument("--pairs", type=Path, help="a CSV file: two pictures, and whether they show one person")
        what.add_argument("--enrolled", action="store_true", help="the templates of the people enrolled here")
        parser.add_argument("--images", type=Path, help="with --pairs: where its pictures are")
        parser.add_argument("--pack", default="", help="the pack to measure; the active one if left out")
        parser.add_argument("--data-set", default="", help="what the pictures are, for the record")
        parser.add_argument("--note", default="", help="what the figures do not say, for the record")
        parser.add_argument("--max-people", type=int, help="measure on the first so many people only")
        parser.add_argument("--out", type=Path, help="where the proposal goes; var/proposals if left out")
        parser.add_argument(
            "--keep-templates",
            type=Path,
            help="a file that keeps templates for when the same pictures are measured again: biometric data, in plain",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            source, measured = self._measured(options)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self._write(source, measured, options["out"] or settings.VAR_DIR / "proposals")

    def _measured(self, options: dict[str, Any]) -> tuple[Source, Sequence[Measured]]:
        device = (
            CUDA if settings.VISION_DEVICE == CUDA else CPU
        )  # a calibration has time: the GPU only where it is named
        pack = options["pack"] or settings.VISION_PACK
        engine = VisionEngine(
            VisionConfig(
                settings.MODELS_DIR,
                pack,
                device,
                settings.VISION_THREADS,
                acknowledged=tuple(settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED),
            )
        )
        info = engine.resolve(pack)
        if options["enrolled"]:
            return self._enrolled(info, options)
        if options["pairs"]:
            return self._pairs(engine, info, options)
        people = people_in(options["folder"], options["max_people"])
        pictures = [path for paths in people.values() for path in paths]
        computed = self._computed(engine, info, pictures, options["keep_templates"])
        gallery = gallery_of(people, computed.vectors)
        failed = [path for path in pictures if path not in computed.vectors]
        source = _source(info, options, options["folder"].name, gallery, len(failed))
        return source, measure(gallery, tell=self.stdout.write)

    def _pairs(
        self, engine: VisionEngine, info: PackInfo, options: dict[str, Any]
    ) -> tuple[Source, Sequence[Measured]]:
        pairs = pairs_in(options["pairs"], options["images"] or options["pairs"].parent)
        pictures = sorted({path for pair in pairs for path in (pair.left, pair.right)})
        computed = self._computed(engine, info, pictures, options["keep_templates"])
        usable = [pair for pair in pairs if pair.left in computed.vectors and pair.right in computed.vectors]
        scores = np.array([float(computed.vectors[pair.left] @ computed.vectors[pair.right]) for pair in usable])
        same = np.array([pair.same for pair in usable], dtype=np.bool_)
        gallery = Gallery(np.stack(list(computed.vectors.values())), np.arange(len(computed.vectors), dtype=np.int64))
        source = _source(info, options, options["pairs"].name, gallery, len(computed.failed))
        return source, (measure_pairs(scores[same], scores[~same]),)

    def _enrolled(self, info: PackInfo, options: dict[str, Any]) -> tuple[Source, Sequence[Measured]]:
        gallery = enrolled_gallery(model=info.model, most_people=options["max_people"])
        return _source(info, options, "the people enrolled here", gallery, 0), measure(gallery, tell=self.stdout.write)

    def _computed(self, engine: VisionEngine, info: PackInfo, pictures: Sequence[Path], kept: Path | None) -> Computed:
        known = _read_templates(kept, info.model) if kept and kept.exists() else {}
        missing = [path for path in pictures if path.as_posix() not in known]
        fresh = Computed({}, {})
        if missing:
            self.stdout.write(f"Computing {len(missing):,} templates with the pack {info.name}.")
            engine.load()
            fresh = compute(missing, engine, info.name, self._progress)
            engine.close()
        vectors = {path: known[path.as_posix()] for path in pictures if path.as_posix() in known} | fresh.vectors
        if kept and fresh.vectors:
            np.savez(
                kept,
                model=info.model,
                paths=[path.as_posix() for path in vectors],
                vectors=np.stack(list(vectors.values())),
            )
            kept.chmod(0o600)
        return Computed(vectors, fresh.failed)

    def _progress(self, done: int, of: int) -> None:
        if done == of or done % 320 < 32:
            self.stdout.write(f"{done:,} of {of:,} pictures")

    def _write(self, source: Source, measured: Sequence[Measured], out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        target = out / file_name(source.model)
        plot, text = target.with_suffix(".png"), target.with_suffix(".md")
        policy = propose(source, measured)
        det.plot(measured, f"{source.model} on {source.data_set}", plot)
        text.write_text(page(source, measured, policy, plot.name), encoding="utf-8")
        self.stdout.write(f"Wrote {text} and {plot.name}.")
        if policy is None:
            self.stdout.write(
                "There are too few pictures for any threshold; no policy is proposed. The page says what was seen."
            )
            return
        target.write_text(dump(policy), encoding="utf-8")
        self.stdout.write(
            f"Proposed {policy.name}. Nothing is changed. To adopt it: cp {target} {settings.POLICY_DIR}/ and restart."
        )


def _source(info: PackInfo, options: dict[str, Any], name: str, gallery: Gallery, failed: int) -> Source:
    images = len(gallery.vectors)
    return Source(
        model=info.model,
        pack=info.name,
        data_set=options["data_set"] or name,
        people=0 if options["pairs"] else len(np.unique(gallery.people)),
        images=images,
        measured_on=datetime.now(tz=UTC).date().isoformat(),
        command=_command(options, info.name),
        note=" ".join(filter(None, (options["note"], ONE_VISIT if options["enrolled"] else ""))),
        fta=None if options["enrolled"] else fta(failed, images + failed),
    )


def _command(options: dict[str, Any], pack: str) -> str:
    """What was run, without the folders of this machine."""
    kind = next(key for key in ("folder", "pairs", "enrolled") if options[key])
    where = "" if kind == "enrolled" else f" {options[kind].name}"
    most = f" --max-people {options['max_people']}" if options["max_people"] else ""
    return f"manage.py calibrate --{kind}{where} --pack {pack}{most}"


def _read_templates(path: Path, model: str) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["model"]) != model:
            raise ValueError(f"{path} holds templates of {kept['model']}, not of {model}")
        return dict(zip(kept["paths"].tolist(), kept["vectors"], strict=True))
