"""The embedded PostgreSQL: made once, reachable by its socket alone, gone with its parent, whole after a crash."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from heirloom.embedded import local, postgres

HOLD = "import sys, time; from pathlib import Path; from heirloom.embedded import postgres\n"
HOLD += "with postgres.running(Path(sys.argv[1])): print('up', flush=True); time.sleep(600)"


@pytest.fixture
def holder(var_folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the embedded server in var_folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(var_folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()
    _await(lambda: not _servers(var_folder))


def _servers(var: Path) -> list[int]:
    data = str(postgres.data_dir(var))
    found = psutil.process_iter(["pid", "cmdline"])
    return [p.pid for p in found if data in (p.info["cmdline"] or []) and "guard.py" not in str(p.info["cmdline"])]


def _await(condition: object, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_brings_pgvector_and_speaks_through_its_socket_alone(var_folder: Path) -> None:
    with postgres.running(var_folder) as url, psycopg.connect(url) as connection:
        version = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        listening = connection.execute("SHOW listen_addresses").fetchone()
        synced = connection.execute("SHOW fsync").fetchone()
    assert version is not None
    assert tuple(int(part) for part in version[0].split(".")) >= (0, 8)
    assert (listening, synced) == (("",), ("on",))
    assert local.socket_dir(var_folder).stat().st_mode & 0o077 == 0
    assert not _servers(var_folder)


def test_a_second_user_of_the_same_folder_is_refused_in_plain_words(
    var_folder: Path, holder: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(postgres.StartError, match=f"already runs on .*process {holder.pid}"),
        postgres.running(var_folder),
    ):
        pass


def test_it_does_not_outlive_a_killed_parent_and_keeps_what_was_acknowledged(
    var_folder: Path, holder: subprocess.Popen[str]
) -> None:
    with psycopg.connect(local.database_url(var_folder), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    holder.kill()
    holder.wait()
    _await(lambda: not _servers(var_folder))
    with postgres.running(var_folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_it_recovers_after_it_was_killed_itself(var_folder: Path, holder: subprocess.Popen[str]) -> None:
    with psycopg.connect(local.database_url(var_folder), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    for server in _servers(var_folder):
        os.kill(server, signal.SIGKILL)
    holder.kill()
    holder.wait()
    _await(lambda: not _servers(var_folder))
    with postgres.running(var_folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_a_process_number_that_now_belongs_to_another_program_does_not_stop_it(var_folder: Path) -> None:
    with postgres.running(var_folder):
        pass
    (postgres.data_dir(var_folder) / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with postgres.running(var_folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_half_a_cluster_is_never_taken_for_one(var_folder: Path) -> None:
    (var_folder / "postgres.new").mkdir()
    (var_folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    with postgres.running(var_folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_cluster_of_another_version_is_refused_with_what_to_do(var_folder: Path) -> None:
    (var_folder / "postgres").mkdir()
    (var_folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(postgres.StartError, match="pg_dump"), postgres.running(var_folder):
        pass


def test_a_folder_too_long_for_a_socket_gets_one_elsewhere(var_folder: Path) -> None:
    deep = var_folder / ("deep" * 20)
    with postgres.running(deep) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not local.socket_dir(deep).is_relative_to(deep)


def test_its_log_tells_no_value_of_a_statement_that_failed_or_died(var_folder: Path) -> None:
    with postgres.running(var_folder) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE people (number text UNIQUE, name text CHECK (name <> ''))")
            for _ in range(2):
                _try(connection, "INSERT INTO people VALUES ('canary-1', 'canary-2')")
                _try(connection, "INSERT INTO people VALUES (%s, %s)", ["canary-3", ""])
            _try(connection, "SELECT %s::uuid", ["canary-4"])
            _try(connection, "SELECT 'canary-5'::uuid")
        with psycopg.connect(url) as doomed:
            pid = doomed.info.backend_pid
            _try(doomed, "SELECT pg_terminate_backend(%s), 'canary-6'", [pid])
    log = (var_folder / "logs" / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "canary" not in log


def test_a_cluster_made_before_is_as_quiet_from_its_next_start_on(var_folder: Path) -> None:
    with postgres.running(var_folder, {"log_min_error_statement": "error", "log_error_verbosity": "default"}):
        pass
    with postgres.running(var_folder) as url, psycopg.connect(url) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in postgres.QUIET}
    assert shown == {name: (value,) for name, value in postgres.QUIET.items()}


def _try(connection: psycopg.Connection, statement: str, values: list[object] | None = None) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.execute(statement, values)
