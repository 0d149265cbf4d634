"""An import on a real worker that is killed in the middle: every line is carried out, and none twice."""

import time
from collections.abc import Callable

import pytest

from enrollment.models import Import, Person
from enrollment.services.imports import lifecycle
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.jobs.models import Job, JobState
from tests.cast import make_cast
from tests.pictures import retaken
from tests.portraits import Portrait
from tests.processes import Processes
from tests.sheets import CONSENT, person, table, zipped

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PEOPLE = 120


def until(condition: Callable[[], bool], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_worker_goes_on_after_the_last_line_that_was_done(
    worker: Processes, portraits: dict[str, Portrait]
) -> None:
    photos = {"a.jpg": portraits["astronaut"].jpeg, "b.jpg": retaken(portraits["astronaut"]), "n.jpg": b"no picture"}
    rows = [person(number) for number in range(PEOPLE)]
    rows[3] |= {**CONSENT, "photos": "a.jpg;b.jpg"}
    rows[-1] |= {**CONSENT, "photos": "n.jpg"}
    batch = lifecycle.submit(owner=make_cast().hana, table=[table(*rows)], photos=[zipped(photos)], dry_run=False)
    until(lambda: Import.objects.get().settled > 10)
    worker.kill("worker")
    worker.stop("beat")
    batch.refresh_from_db()
    assert batch.settled == batch.rows.exclude(verdict="").count() == Person.objects.count()
    assert 10 < batch.settled < PEOPLE
    worker.worker()
    until(lambda: Import.objects.get().is_done)
    batch.refresh_from_db()
    assert (batch.outcome, batch.accepted, batch.refused) == ("completed", PEOPLE - 1, 1)
    assert Person.objects.count() == PEOPLE - 1
    assert Person.objects.get(employee_id="E-3").templates.count() == 2
    made = AuditEvent.objects.filter(action=Action.PERSON_CREATED).values_list("subject_id", flat=True)
    assert len(made) == len(set(made)) == PEOPLE - 1
    job = Job.objects.get(kind="import")
    assert (job.state, job.progress, job.error_code) == (JobState.DONE, 100, "")
    assert audit.verify().intact
