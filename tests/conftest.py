"""What all tests share: a real PostgreSQL, a real vision process, a real worker, a real web server, two real faces.

Everything lives in a folder of this process (`make test` has several, each taking whole files); only the rebuilt model
files are kept between runs (var/models).
Set DATABASE_URL to use a server of your own: the database `test_<name>` is made on it and dropped.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_django

from bench.portraits import Portrait, packaged
from tests.environment import FOUND, VAR
from tests.processes import Processes


def pytest_configure() -> None:
    from django.conf import settings

    # The test database is the one that the settings name: the worker and the web server find it without being told.
    database = settings.DATABASES["default"]
    database["TEST"] = {**database.get("TEST", {}), "NAME": database["NAME"]}
    # Pages are tested without collecting static files first.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Whatever the tests ask of the API, its answer must be one that the OpenAPI document tells of.
    settings.MIDDLEWARE = ["tests.documented.DocumentedMiddleware", *settings.MIDDLEWARE]


def pytest_xdist_setupnodes() -> None:
    """Let each process begin as this one did; it runs no test itself."""
    os.environ.clear()
    os.environ.update(FOUND)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test an id of its own: processes that share them take two of one id for one."""
    for item in items:
        if item.name not in item.nodeid:  # schemathesis names its tests, and pytest 9.2 leaves that out of their ids
            item._id = item.id.with_params(item.name.partition("[")[2].removesuffix("]"))
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError("some tests have the same id, and of those only one would run")


@pytest.fixture(scope="session")
def var() -> Path:
    """The data folder of this test run."""
    return VAR


@pytest.fixture(scope="session")
def postgres(var: Path) -> Iterator[None]:
    """A PostgreSQL server with pgvector: the embedded one, or the one that DATABASE_URL names."""
    if "DATABASE_URL" in os.environ:
        yield
        return
    from heirloom.embedded.postgres import running

    with running(var, {"fsync": "off", "full_page_writes": "off"}):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: None) -> None:
    """Have the server up before pytest-django makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """Let a test's tables be emptied after it, which the audit log refuses; its own tests put that back.

    The broker's own connections to the database go before the database does.
    """
    from django.db import connection

    from heirloom.celery import app

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_event_no_truncate")
    yield
    app.pool.force_close_all()


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of shared faces, clips and models."""
    folder = os.environ.get("HEIRLOOM_TEST_ASSETS", "")
    if not folder:
        pytest.skip("HEIRLOOM_TEST_ASSETS is not set: the shared faces, clips and models are not here")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.skip(f"HEIRLOOM_TEST_ASSETS names {path}, which is not a folder")
    return path


@pytest.fixture(scope="session")
def portraits() -> dict[str, Portrait]:
    """The two public-domain portraits that come inside packages: "astronaut" and "hopper"."""
    return packaged()


@pytest.fixture(scope="session")
def processes(var: Path) -> Iterator[Processes]:
    started = Processes(var)
    yield started
    started.stop_all()


@pytest.fixture(scope="session")
def vision_process(processes: Processes) -> Path:
    """A real vision process with its models loaded; the value is its socket."""
    return processes.vision()


@pytest.fixture(scope="module")
def worker(processes: Processes, vision_process: Path, django_db_setup: None) -> Iterator[Processes]:
    """A real Celery worker and beat on the test database. Its tests need transaction=True, or it sees no rows.

    It ends with the file that asked for it, for it would do the jobs of other tests as well.
    """
    processes.worker()
    yield processes
    processes.stop("worker")
    processes.stop("beat")


@pytest.fixture(scope="module")
def live(processes: Processes, vision_process: Path, django_db_setup: None) -> Iterator[str]:
    """A real uvicorn on the test database; the value is its address. Its tests need transaction=True."""
    yield processes.web()
    processes.stop("web")


@pytest.fixture
def real_passwords(settings: pytest_django.Settings) -> None:
    """Hash passwords as the web server reads them; other tests take a quick hash."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
