"""Database, cache, live progress, files and the keys that seal them."""

import json
from pathlib import Path
from typing import Any

import dj_database_url

from heirloom import env
from heirloom.embedded import local
from heirloom.settings.installation import BASE_DIR, DEBUG, EMBEDDED, VAR_DIR

# Database, cache, queue
DATABASE_URL = env.secret("DATABASE_URL") or local.database_url(VAR_DIR)
DATABASES: dict[str, dict[str, Any]] = {"default": dict(dj_database_url.parse(DATABASE_URL))}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# The role that the app has in DATABASE_URL elsewhere: `prepare`, run by the owner of the tables, gives it its rights.
DATABASE_APP_ROLE = env.text("DATABASE_APP_ROLE")
DATABASE_POOL = env.integer("DATABASE_POOL", 16)
# A pooled connection survives the thread that ASGI gave the request; a persistent one would leak with it.
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    # 0: no pool of ours, for a pooler such as PgBouncer in front of the server.
    **({"pool": {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 10}} if DATABASE_POOL else {}),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.secret("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    # Django's own 300 would be used up by as many callers, and then forget what they spent.
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}
CELERY_BROKER_URL = env.secret("CELERY_BROKER_URL", "pgmq://localhost")

# Live progress at /ws/v1/<kind>s/<id>/: whose `retrieve` says what a caller sees of a kind, until its `status` is "done".
LIVE_KINDS = {
    "verification": "verification.api.verifications.VerificationViewSet",
    "enrollment": "enrollment.api.people.EnrollmentViewSet",
    "import": "enrollment.api.imports.ImportViewSet",
}
LIVE_SOCKETS = env.integer("LIVE_SOCKETS", 500)
LIVE_SOCKETS_PER_CALLER = env.integer("LIVE_SOCKETS_PER_CALLER", 200)
LIVE_DATABASE_URL = env.secret("LIVE_DATABASE_URL")
# Without a Redis, PostgreSQL itself tells web processes of changes (heirloom.jobs.news).
CHANNEL_LAYERS = (
    {"live": {"BACKEND": "heirloom.jobs.news.RedisLayer", "CONFIG": {"url": REDIS_URL}}} if REDIS_URL else {}
)

# Files: captures and evidence are encrypted before any storage sees them.
_GIVEN_STORAGES: dict[str, Any] = json.loads(env.secret("STORAGES", "{}"))
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR_DIR / "files")},
    },
    # One machine serves its static files from where they lie; elsewhere `collectstatic` packs them.
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if EMBEDDED or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    **_GIVEN_STORAGES,
}
# The shares of data keys (heirloom.crypto.shares): where every process that reads files reads them too.
STORAGES.setdefault(
    "keys",
    STORAGES["default"]
    if "default" in _GIVEN_STORAGES
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR_DIR / "keys")},
    },
)

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = EMBEDDED or DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# Keys: a ring of named 32-byte keys, the first seals, all open. Made once into var/ in the embedded mode only.
ENCRYPTION_KEYS = env.secret("ENCRYPTION_KEYS")
KEY_RING_FILE = Path(env.text("KEY_RING_FILE", str(VAR_DIR / "keys.json")))
