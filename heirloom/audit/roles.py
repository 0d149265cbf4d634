"""The second role of the database: the app's own, which reads and adds to the log and can neither change nor cut it.

Tables belong to the role that migrates; only an owner can switch a trigger off. The app's role owns nothing.
"""

from dataclasses import dataclass

from django.db import connection, transaction

APPENDED_ONLY = ("audit_auditevent", "accounts_unrecordedwrite")
"""Tables that the app's role may read and add to, and no more."""
_MAINTAIN_SINCE = 170000
_FACTS = """
SELECT current_user, pg_get_userbyid(c.relowner), r.rolsuper, pg_has_role(current_user, c.relowner, 'MEMBER'),
       has_table_privilege(current_user, c.oid, 'UPDATE') OR has_table_privilege(current_user, c.oid, 'DELETE')
       OR has_table_privilege(current_user, c.oid, 'TRUNCATE') OR has_table_privilege(current_user, c.oid, 'TRIGGER')
FROM pg_class c, pg_roles r WHERE c.oid = 'audit_auditevent'::regclass AND r.rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the role of this process may do with the log. can_cut: whether it could change it, however roundabout."""

    role: str
    owner: str
    can_cut: bool


def rights() -> Rights:
    """Ask the database what this process's role may do."""
    with connection.cursor() as cursor:
        cursor.execute(_FACTS)
        role, owner, is_superuser, is_owner, may_write = cursor.fetchone()
    return Rights(role, owner, bool(is_superuser or is_owner or may_write))


def statements(role: str) -> list[str]:
    """Return what gives a role all that the app needs, and of the log no more than reading and adding to it.

    To be run by the owner of the tables, after each migration; running it again changes nothing.
    """
    name = connection.ops.quote_name(role)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_database(), to_regnamespace('pgmq') IS NOT NULL")
        schema, database, has_queue = cursor.fetchone()
        tables = connection.introspection.table_names(cursor)
    schema, database = connection.ops.quote_name(schema), connection.ops.quote_name(database)
    kept = ", ".join(APPENDED_ONLY)
    made = [
        f"GRANT CONNECT ON DATABASE {database} TO {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}",
        f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {name}",
        f"REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {kept} FROM {name}",
    ]
    if _version() >= _MAINTAIN_SINCE:
        others = ", ".join(connection.ops.quote_name(table) for table in sorted(set(tables) - set(APPENDED_ONLY)))
        # Search indexes are built anew and tables of erased people written anew by the app itself.
        made.append(f"GRANT MAINTAIN ON {others} TO {name}")
    if has_queue:
        made += [
            f"GRANT USAGE, CREATE ON SCHEMA pgmq TO {name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgmq TO {name}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA pgmq TO {name}",
        ]
    return made


@transaction.atomic
def grant(role: str) -> None:
    """Run `statements`; raises DatabaseError where there is no such role, or where these tables are another's."""
    with connection.cursor() as cursor:
        for statement in statements(role):
            cursor.execute(statement)


def _version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        return int(cursor.fetchone()[0])
