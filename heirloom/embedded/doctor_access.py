"""The checks of `manage.py doctor` that concern how people sign in."""

from collections.abc import Iterator
from pathlib import Path

from heirloom import settings
from heirloom.accounts.models import User
from heirloom.embedded.findings import Finding, fault, ok, warning

STAFF = ("admin", "hr", "reviewer", "auditor")


def access() -> Iterator[Finding]:
    """Check second factors and the list of breached passwords; the database must be there."""
    yield second_factors()
    yield breached_passwords()


def second_factors() -> Finding:
    """Tell how many of the staff sign in by a password alone."""
    staff = User.objects.filter(is_active=True, groups__name__in=STAFF).distinct()
    here = staff.filter(outside=None)
    count, bare = here.count(), here.exclude(second_factors__confirmed_at__isnull=False).count()
    asked = f"required of: {', '.join(settings.SECOND_FACTOR_ROLES) or 'nobody'}"
    detail = f"{count - bare} of {count} staff logins have one; {asked}"
    if not bare or settings.EMBEDDED:
        return ok("Second factors", detail)
    return warning("Second factors", detail, "Have each set one up at /security/; SECOND_FACTOR_ROLES asks for it.")


def breached_passwords() -> Finding:
    """Tell whether new passwords are looked up in a list of those known from breaches."""
    name, part = settings.BREACHED_PASSWORDS_FILE, "Breached passwords"
    remedy = "Download a sorted SHA-1 list of Have I Been Pwned, and name it in BREACHED_PASSWORDS_FILE."
    if not name:
        detail = "no list here: new passwords are only held to the 20,000 most common ones"
        return ok(part, detail) if settings.EMBEDDED else warning(part, detail, remedy)
    try:
        with Path(name).open("rb") as lines:
            first = lines.readline(64).partition(b":")[0].strip()
    except OSError as error:
        return fault(part, f"{name} cannot be read ({error.strerror}): no password can be made or changed", remedy)
    if len(first) != 40 or not all(letter in b"0123456789abcdefABCDEF" for letter in first):
        return fault(part, f"{name} is no list of SHA-1 hashes", remedy)
    return ok(part, name)
