"""What vision processes count, on its way to /metrics of the web: none of them has an address to be asked at."""

import contextlib
from collections.abc import Iterable

from django.conf import settings
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from heirloom.errors import Refusal
from heirloom.jobs.liveness import beat
from heirloom.jobs.models import WorkerHeartbeat
from heirloom.jobs.vision import beside

KIND = "vision"


def tell() -> None:
    """Write down what the vision process beside this worker counts; nothing where none answers."""
    with contextlib.suppress(Refusal):
        status = beside().status()
        details = {"process": status.process, "metrics": status.metrics}
        beat(name=f"{KIND} {status.process}", kind=KIND, details=details)


class VisionMeters(Collector):
    """The metrics of every living vision process, each with its name in the label `process`."""

    def describe(self) -> Iterable[Metric]:
        """Promise no names, so that nothing is asked before somebody reads the metrics."""
        return ()

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for process, text in _told().items():
            for family in text_string_to_metric_families(text):
                if family.name.endswith("_created"):
                    continue
                whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                whole.samples += [one._replace(labels={**one.labels, "process": process}) for one in family.samples]
        return families.values()


def _told() -> dict[str, str]:
    """By process: what the workers wrote down, and what the one beside the web says now."""
    told = {row.details["process"]: row.details["metrics"] for row in WorkerHeartbeat.objects.alive(KIND)}
    if settings.VISION_MODE == "local":
        with contextlib.suppress(Refusal):
            status = beside().status()
            told[status.process] = status.metrics
    return told
