"""The product's settings with job kinds made for tests; for the worker that they start."""

from heirloom.settings import *  # noqa: F403

JOB_KINDS = {name: f"tests.jobs.handlers.{name}" for name in ("work", "crash", "refuse", "unavailable", "late", "idle")}
JOB_DEAD_HANDLERS = dict.fromkeys(JOB_KINDS, "tests.jobs.handlers.died")
