"""An import is followed live as verifications and visits are: up to its end, with the counts of its verdicts."""

import pytest

from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from tests.cast import Cast, caller
from tests.live.conftest import Connect, bearer
from tests.sheets import named, person, table

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_import_tells_its_end_as_polling_does(connect: Connect, cast: Cast) -> None:
    hana = caller(cast.hana)
    sent = {"table": named(table(person(1), person(2)), "people.csv")}
    accepted = hana.post("/api/v1/imports/", sent, format="multipart").json()
    socket = connect(accepted["links"]["live"], headers=bearer(cast.hana))
    assert socket.next()["status"] == "queued"
    jobs.run(job_id=Job.objects.get(kind="import").id)
    events = list(socket.rest())
    assert socket.ending() == (1000, "")
    assert events[-1] == hana.get(accepted["links"]["self"]).json()
    assert (events[-1]["status"], events[-1]["counts"]["accepted"]) == ("done", 2)


def test_another_role_follows_none(connect: Connect, cast: Cast) -> None:
    sent = {"table": named(table(person(1)), "people.csv")}
    accepted = caller(cast.hana).post("/api/v1/imports/", sent, format="multipart").json()
    socket = connect(accepted["links"]["live"], headers=bearer(cast.cleo))
    assert socket.ending()[0] == 4403
