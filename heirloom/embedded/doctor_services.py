"""The checks of `manage.py doctor` that ask other processes. Each answers within seconds, whatever is down."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection as BrokerConnection
from kombu.exceptions import OperationalError as BrokerError

from enrollment.services import erasure, renewal
from heirloom import settings
from heirloom.api import oidc_keys
from heirloom.crypto import former, keys, shares
from heirloom.crypto import renewal as renewal_at_rest
from heirloom.crypto.models import DataKey, FormerSeals
from heirloom.embedded import doctor_audit, doctor_trust, postgres
from heirloom.embedded.doctor_access import access
from heirloom.embedded.findings import Finding, State, fault, ok, warning
from heirloom.errors import Refusal
from heirloom.jobs.broker import uses_pgmq
from heirloom.jobs.models import Job, JobState, WorkerHeartbeat
from heirloom.reviews import services as reviews
from heirloom.vision.client import VisionClient

_CONNECT_WITHIN_S = 3
_POSTGRES_LEAST = 150000
_PGVECTOR_LEAST = (0, 8)
_START = "Start Heirloom: make run"


def services() -> Iterator[Finding]:
    """Check the database and what lives in it, the broker, the workers, the vision process, another issuer of tokens,
    and the key ring.
    """
    database_finding, works = database()
    yield database_finding
    if works:
        yield pgvector()
        yield database_log()
        yield migrations()
        yield broker()
        yield from work()
        yield from search_vectors()
        yield from doctor_audit.log()
        yield from doctor_trust.trust()
        yield from erasures()
        yield from reviewers()
        yield from at_rest()
        yield from access()
    yield vision()
    yield from issuer()
    yield key_ring(has_database=works)
    if works:
        yield key_shares()


def database() -> tuple[Finding, bool]:
    """Return the finding, and whether the database can be asked more."""
    try:
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=_CONNECT_WITHIN_S) as session:
            number = session.info.server_version
    except psycopg.OperationalError as error:
        remedy = _START if settings.EMBEDDED else "Check DATABASE_URL and that the server can be reached from here."
        return fault("Database", f"no connection: {_first_line(error)}", remedy), False
    text = f"PostgreSQL {number // 10000}.{number % 10000}, {'embedded' if settings.EMBEDDED else 'external'}"
    if number < _POSTGRES_LEAST:
        return fault("Database", text, "Use PostgreSQL 15 or later."), False
    return ok("Database", text), True


def pgvector() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    if row is None:
        return fault("pgvector", "not installed in this database", "As a superuser: CREATE EXTENSION vector;")
    if tuple(int(part) for part in row[0].split(".")[:2]) < _PGVECTOR_LEAST:
        remedy = "Install a newer one, then: ALTER EXTENSION vector UPDATE;"
        return fault("pgvector", f"{row[0]}; 0.8 or later is needed", remedy)
    return ok("pgvector", row[0])


def database_log() -> Finding:
    """Check that the server does not write the values of statements into its log."""
    told = [name for name, keeps in postgres.QUIET_ENOUGH.items() if _shown(name) not in keeps]
    if not told:
        return ok("Database log", "without the values of statements")
    detail = f"values of statements may get into it: {', '.join(told)}"
    if settings.EMBEDDED:
        return warning("Database log", detail, "Stop Heirloom and start it again: make run")
    return warning("Database log", detail, "Set them as docs/deploy.md says; on a managed server, by its provider.")


def _shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [name])
        return str((cursor.fetchone() or ("",))[0])


def migrations() -> Finding:
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        return fault("Migrations", f"{missing} not applied", "python manage.py migrate")
    return ok("Migrations", "all applied")


def broker() -> Finding:
    if uses_pgmq():
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
            installed = cursor.fetchone() == (True,)
        if installed:
            return ok("Broker", "pgmq in this database")
        return fault("Broker", "pgmq is not installed in this database", "python manage.py prepare_broker")
    try:
        with BrokerConnection(settings.CELERY_BROKER_URL, connect_timeout=_CONNECT_WITHIN_S) as session:
            session.ensure_connection(max_retries=1, interval_start=0)
            return ok("Broker", session.as_uri())
    except (BrokerError, OSError) as error:
        return fault("Broker", f"no connection: {_first_line(error)}", "Check CELERY_BROKER_URL and that it runs.")


def work() -> Iterator[Finding]:
    """Check that a worker is alive, and whether jobs were given up."""
    if migrations_missing():
        return
    alive = list(WorkerHeartbeat.objects.alive("worker"))
    if alive:
        last = max(heartbeat.seen_at for heartbeat in alive)
        age_s = (datetime.now(UTC) - last).total_seconds()
        yield ok("Workers", f"{len(alive)} alive, last heartbeat {age_s:.0f} s ago")
    else:
        remedy = (
            _START
            if settings.EMBEDDED
            else "Start one: celery -A heirloom worker --pool=threads -Q media,vision,interactive,io"
        )
        yield fault("Workers", "no heartbeat", remedy)
    waiting, dead = Job.objects.filter(state=JobState.QUEUED).count(), Job.objects.filter(state=JobState.DEAD).count()
    text = f"{waiting} waiting, {dead} given up"
    yield warning("Jobs", text, "Read the worker's log for why; their senders were told.") if dead else ok("Jobs", text)


def migrations_missing() -> bool:
    return WorkerHeartbeat._meta.db_table not in connection.introspection.table_names()


def search_vectors() -> Iterator[Finding]:
    """Say whether some are still of a former kind: everybody is found, but each search compares with all."""
    if migrations_missing():
        return
    try:
        left = renewal.still_to_do()
    except (Refusal, ImproperlyConfigured, LookupError, ValueError) as error:
        remedy = "See the line Key ring, and the files in POLICY_DIR/center."
        yield fault("Search vectors", f"cannot be looked at: {_first_line(error)}", remedy)
        return
    if left:
        remedy = "A worker makes them anew; to be done sooner: python manage.py reembed vectors"
        yield warning("Search vectors", f"{left} of a former kind; searches are exact and slower meanwhile", remedy)
    else:
        yield ok("Search vectors", "all of the kind in force")


def reviewers() -> Iterator[Finding]:
    """Say where a case waits for ever: who asked for it may not decide it, however few logins there are."""
    if migrations_missing():
        return
    names = list(reviews.deciders().values_list("username", flat=True)[:2])
    stuck = reviews.nobody_may_decide()
    remedy = "Make a login of another person: python manage.py create_login NAME --role reviewer"
    if not names:
        yield warning("Reviewers", "no login may decide a case", remedy)
    elif stuck:
        yield warning("Reviewers", f"{stuck} cases wait that only those who asked for them could decide", remedy)
    elif len(names) == 1:
        yield warning("Reviewers", f"{names[0]} alone; what {names[0]} asks for waits for another", remedy)
    else:
        yield ok("Reviewers", "whoever asks, another can decide")


def erasures() -> Iterator[Finding]:
    """Say whether somebody was erased whose name or search vector should have left the disk by now."""
    if migrations().state is not State.OK:
        return
    if late := erasure.overdue():
        remedy = "python manage.py erasures --complete; a long transaction of another program may keep the rows."
        yield fault("Erasures", f"{late} have not left the disk in the promised time", remedy)
    else:
        yield ok("Erasures", "none overdue")


def at_rest() -> Iterator[Finding]:
    """Say whether something still lies at rest in a former way, such as seals that could be moved to another row."""
    if migrations_missing() or FormerSeals._meta.db_table not in connection.introspection.table_names():
        return
    try:
        left, opened = renewal_at_rest.still_to_do(), former.are_opened()
    except (DatabaseError, ImproperlyConfigured) as error:
        yield fault("At rest", f"cannot be looked at: {_first_line(error)}", "See the lines Migrations and Key ring.")
        return
    text = ", ".join(f"{name} {count}" for name, count in left.items())
    if opened:
        remedy = "A worker makes them anew; to be done sooner: python manage.py reseal"
        yield warning("At rest", f"of a former way, and still opened: {text or 'none left'}", remedy)
    elif left:
        remedy = "Hashes: a worker keys them. Seals: restore these rows from a backup; none should be there."
        yield warning("At rest", f"of a former way, seals among them do not open any more: {text}", remedy)
    else:
        yield ok("At rest", "every seal is bound to its place")


def vision() -> Finding:
    remedy = _START if settings.EMBEDDED else "Start it: python -m heirloom.vision.server --help"
    try:
        status = VisionClient(settings.VISION_SOCKET, timeout_s=_CONNECT_WITHIN_S).status()
    except Refusal as refusal:
        return fault("Vision process", refusal.detail, remedy)
    text = f"{status.active_pack} on {status.device}"
    if not status.ready:
        return fault("Vision process", f"{text}, still loading", "Wait some seconds; then read vision.log.")
    if settings.VISION_DEVICE == "cuda" and not status.device.startswith("cuda"):
        return fault("Vision process", f"{text}, though VISION_DEVICE=cuda", "See the line GPU, then start again.")
    return ok("Vision process", text)


def issuer() -> Iterator[Finding]:
    """Ask the other issuer for its keys, where one is trusted."""
    if not settings.OIDC_ISSUER:
        return
    if settings.OIDC_SHARED_SECRET:
        yield ok("Issuer", f"{settings.OIDC_ISSUER}, by a shared secret (HS256)")
        return
    try:
        count = len(oidc_keys.published())
    except Refusal as refusal:
        yield warning(
            "Issuer", refusal.detail, "Check OIDC_ISSUER and OIDC_JWKS_URL, and that it can be reached from here."
        )
        return
    if count:
        yield ok("Issuer", f"{count} keys of {settings.OIDC_ISSUER}")
    else:
        remedy = "Have it sign by key pairs; for a Supabase project that does not, see docs/api/authentication.md."
        yield warning("Issuer", f"{settings.OIDC_ISSUER} publishes no key that can verify a token", remedy)


def key_ring(*, has_database: bool) -> Finding:
    """Check that there is a ring, that only its owner can read it, and that it opens all that is stored."""
    path, from_environment = settings.KEY_RING_FILE, bool(settings.ENCRYPTION_KEYS)
    if not from_environment and not path.exists():
        if settings.EMBEDDED and not (has_database and _sealed_with()):
            return ok("Key ring", f"none yet; the first start makes {path}")
        return fault("Key ring", "there is none", f"Restore {path} from the backup, or set ENCRYPTION_KEYS.")
    try:
        ring = keys.parse_ring(settings.ENCRYPTION_KEYS) if from_environment else keys.read_ring_file(path)
    except ImproperlyConfigured as error:
        return fault("Key ring", str(error), "Restore it from the backup.")
    known = {key.id for key in ring.keys}
    if lost := (_sealed_with() - known if has_database else set()):
        detail = f"lacks {', '.join(sorted(lost))}, which sealed stored data"
        return fault("Key ring", detail, "Add these keys to the ring.")
    if not from_environment and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warning("Key ring", f"{path} can be read by others", f"chmod 600 {path}")
    return ok("Key ring", f"{len(known)} keys, from {'the environment' if from_environment else path}")


def key_shares() -> Finding:
    """Check that the newest share can be read from here, and that each data key has one."""
    if DataKey._meta.db_table not in connection.introspection.table_names() or migrations().state is not State.OK:
        return warning("Key shares", "not looked at: the database is of another version", "python manage.py migrate")
    keys_in_use = DataKey.objects.filter(wrapped__isnull=False)
    newest = keys_in_use.filter(share__isnull=False).order_by("-created_at").first()
    try:
        if newest is not None and newest.share is not None:
            shares.read(newest.share)
    except (Refusal, shares.ShareMissingError):
        remedy = 'Have STORAGES["keys"] be the same for all processes, or restore var/keys from the backup.'
        return fault("Key shares", "the newest cannot be read from here", remedy)
    if left := keys_in_use.filter(share__isnull=True).count():
        detail = f"{left} data keys have none yet, so backups of them open with the ring alone"
        return warning("Key shares", detail, "A worker gives them theirs; see that one and beat run.")
    return ok("Key shares", "each data key has one")


def _sealed_with() -> set[str]:
    if DataKey._meta.db_table not in connection.introspection.table_names():
        return set()
    return set(DataKey.objects.filter(wrapped__isnull=False).values_list("ring_key", flat=True).distinct())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
