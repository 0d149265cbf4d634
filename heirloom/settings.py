"""Configuration, parsed once. Every value that an operator may set stands in .env.example."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from kombu import Queue

from heirloom import env
from heirloom.api.described import SPECTACULAR_SETTINGS  # noqa: F401 - how the API is described is a setting too
from heirloom.embedded import local
from heirloom.embedded.local import broker_conninfo
from heirloom.portal.look import UNFOLD  # noqa: F401 - the admin's look is a setting too

django_stubs_ext.monkeypatch()

BASE_DIR = env.BASE_DIR
VAR_DIR = Path(env.text("HEIRLOOM_VAR", str(BASE_DIR / "var"))).resolve()

# The embedded mode is what `make run` starts on a new machine: a database, keys and a web server on 127.0.0.1.
EMBEDDED = not env.secret("DATABASE_URL")
DEBUG = env.boolean("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY") or (local.secret_key(VAR_DIR) if EMBEDDED else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
HTTPS = env.boolean("HTTPS", default=not EMBEDDED)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]" if EMBEDDED else "")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_prometheus",
    "django_htmx",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "heirloom.accounts",
    "heirloom.crypto",
    "heirloom.audit",
    "heirloom.jobs",
    "heirloom.api",
    "heirloom.uploads",
    "heirloom.webhooks",
    "heirloom.reviews",
    "enrollment",
    "verification",
    "heirloom.portal",
    "heirloom.embedded",
]
MIDDLEWARE = [
    "heirloom.portal.probes.ProbeMiddleware",
    "heirloom.api.middleware.NulMiddleware",
    "heirloom.api.middleware.ApiSlashMiddleware",
    "heirloom.api.middleware.RateLimitMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "heirloom.portal.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "heirloom.accounts.middleware.PasswordChangeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "heirloom.urls"
ASGI_APPLICATION = "heirloom.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database, cache, queue
DATABASE_URL = env.secret("DATABASE_URL") or local.database_url(VAR_DIR)
DATABASES: dict[str, dict[str, Any]] = {"default": dict(dj_database_url.parse(DATABASE_URL))}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
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
STORAGES = {
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
    **json.loads(env.secret("STORAGES", "{}")),
}

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = EMBEDDED or DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# Uploads: the byte limits of heirloom.api.body_limits come first; these only stop Django from answering in HTML.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_MAX_PHOTO_BYTES = env.integer("UPLOAD_MAX_PHOTO_MB", 25) * 1024 * 1024
UPLOAD_MAX_CLIP_BYTES = env.integer("UPLOAD_MAX_CLIP_MB", 2048) * 1024 * 1024
UPLOAD_MAX_CLIP_SECONDS = env.integer("UPLOAD_MAX_CLIP_SECONDS", 600)
# Resumable and direct uploads: hours until an unused one is given up; what one login may have open.
UPLOAD_TTL_HOURS = env.integer("UPLOAD_TTL_HOURS", 24)
UPLOAD_MAX_OPEN = env.integer("UPLOAD_MAX_OPEN", 50)
UPLOAD_QUOTA_BYTES = env.integer("UPLOAD_QUOTA_MB", 10240) * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["heirloom.api.uploads.UnlinkedUploadHandler"]
# How long the refused lines of an import, and the files they need, wait for a correction.
IMPORT_KEPT_DAYS = env.integer("IMPORT_KEPT_DAYS", 7)
FFMPEG_BINARY = env.text("FFMPEG_BINARY")
# ffmpeg: on this machine. zencoder: clips of people who agreed to it are sent to a service elsewhere, which sees them.
TRANSCODER = env.choice("TRANSCODER", ("ffmpeg", "zencoder"), "ffmpeg")
ZENCODER_API_KEY = env.secret("ZENCODER_API_KEY")
ZENCODER_NOTIFICATION_SECRET = env.secret("ZENCODER_NOTIFICATION_SECRET")
ZENCODER_URL = env.text("ZENCODER_URL", "https://app.zencoder.com/api/v2/")
ZENCODER_WAIT_S = env.integer("ZENCODER_WAIT_S", 900)
PUBLIC_URL = env.text("PUBLIC_URL").rstrip("/")
MEDIA_HWACCEL = env.choice("MEDIA_HWACCEL", ("auto", "off"), "auto")

# Vision
VISION_MODE = env.choice("VISION_MODE", ("local", "celery"), "local")
VISION_PACK = env.text("VISION_PACK", local.BUILT_IN_PACK)
VISION_DEVICE = env.choice("VISION_DEVICE", ("auto", "cpu", "cuda"), "auto")
VISION_THREADS = env.integer("VISION_THREADS", 0)
VISION_IDLE_UNLOAD_S = env.decimal("VISION_IDLE_UNLOAD_S", 0)
VRAM_LIMIT_MB = env.integer("VRAM_LIMIT_MB", 0)
VISION_SOCKET = Path(env.text("VISION_SOCKET", str(local.socket_dir(VAR_DIR, "vision") / "vision.sock")))
VISION_TIMEOUT_S = env.decimal("VISION_TIMEOUT_S", 60.0)
MODELS_DIR = Path(env.text("MODELS_DIR", str(VAR_DIR / "models")))
POLICY_DIR = Path(env.text("POLICY_DIR", str(VAR_DIR / "policies")))
GIVEN_MODEL_DEFAULTS = env.choice("GIVEN_MODEL_DEFAULTS", ("auto", "strict"), "auto")
NONCOMMERCIAL_MODELS_ACKNOWLEDGED = env.words("NONCOMMERCIAL_MODELS_ACKNOWLEDGED")
# What is computed in the call is bounded, and what is computed later is not taken without end.
COMPUTE_AT_ONCE = env.integer("COMPUTE_AT_ONCE", 8)
QUEUE_TOO_OLD_S = env.integer("QUEUE_TOO_OLD_S", 900)
ATTACK_CHECK_REQUIRED = env.boolean("ATTACK_CHECK_REQUIRED", default=True)
CHALLENGE_TTL_S = env.integer("CHALLENGE_TTL_S", 120)
IDENTIFICATION_TARGET_FPIR = env.decimal("IDENTIFICATION_TARGET_FPIR", 0.01)

# Consent: the text that people agree to, by its version; a service elsewhere that sees their clips makes it another.
CONSENT_POLICY_VERSION = env.text("CONSENT_POLICY_VERSION", "2026-1") + (
    "+zencoder" if TRANSCODER == "zencoder" else ""
)
CONSENT_PURPOSE = env.text("CONSENT_PURPOSE", "Verifying identity at work by face")

# Keys: a ring of named 32-byte keys, the first seals, all open. Made once into var/ in the embedded mode only.
ENCRYPTION_KEYS = env.secret("ENCRYPTION_KEYS")
KEY_RING_FILE = Path(env.text("KEY_RING_FILE", str(VAR_DIR / "keys.json")))

# Background work: lower rooms ring handlers of upper ones by name.
JOB_KINDS = {
    "verification": "verification.tasks.process_verification",
    "enrollment": "enrollment.tasks.process_enrollment",
    "import": "enrollment.tasks.process_import",
    "evidence_clip": "verification.tasks.make_evidence_clip",
    "webhook": "heirloom.webhooks.services.deliver",
}
# Who is told, in the same transaction, that a job was given up.
JOB_DEAD_HANDLERS = {
    "verification": "verification.tasks.verification_died",
    "enrollment": "enrollment.tasks.enrollment_died",
    "import": "enrollment.tasks.import_died",
    "evidence_clip": "verification.tasks.evidence_clip_died",
    "webhook": "heirloom.webhooks.services.give_up",
}
JOB_LEASE_S = env.integer("JOB_LEASE_S", 30)
JOB_MAX_ATTEMPTS = 3
JOB_SWEEP_S = env.integer("JOB_SWEEP_S", 5)
# For trying webhooks out on one machine: http, and addresses of this machine itself.
WEBHOOK_LOOPBACK_TARGETS = env.boolean("WEBHOOK_LOOPBACK_TARGETS", default=False)
REVIEW_KINDS = {
    "verification": "verification.services.verifications.apply_verdict",
    "duplicate": "enrollment.services.enrollments.apply_verdict",
}
# What the page of a case shows, by its kind.
REVIEW_CASES = {
    "verification": "verification.case.VerificationCase",
    "duplicate": "enrollment.case.DuplicateCase",
}

# Sign-in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("sign-in")
LOGIN_REDIRECT_URL = reverse_lazy("home")
LOGOUT_REDIRECT_URL = reverse_lazy("sign-in")
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "portal/locked.html"
AXES_VERBOSE = False
AXES_USERNAME_CALLABLE = "heirloom.accounts.tried.username"
AXES_CLIENT_IP_CALLABLE = "heirloom.accounts.tried.address"

# Transport
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("BEHIND_PROXY", default=False) else None
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 8 * 3600
X_FRAME_OPTIONS = "DENY"

# Figures of work and people's cases are for operators: a token of Prometheus' own, or an auditor's.
METRICS_TOKEN = env.secret("METRICS_TOKEN")

LANGUAGE_CODE = "en"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "heirloom.api.authentication.TokenAuthentication",
        "heirloom.api.authentication.ApiKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["heirloom.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "heirloom.api.schema.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "heirloom.api.pagination.NewestFirst",
    "EXCEPTION_HANDLER": "heirloom.api.errors.handle",
    "DEFAULT_THROTTLE_CLASSES": ["heirloom.api.throttles.CallerThrottle", "heirloom.api.throttles.CostThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "caller": env.text("THROTTLE_CALLER", "600/min"),
        "cost": env.text("THROTTLE_COST", "6000/min"),
        "sign-in": env.text("THROTTLE_SIGN_IN", "10/min"),
        "refresh": env.text("THROTTLE_REFRESH", "120/min"),
        "refused-key": env.text("THROTTLE_REFUSED_KEY", "10/min"),
    },
    "NUM_PROXIES": env.integer("NUM_PROXIES", 0),
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("JWT_ACCESS_MINUTES", 15)),
    "REFRESH_TOKEN_LIFETIME": timedelta(hours=env.integer("JWT_REFRESH_HOURS", 12)),
    "ISSUER": "heirloom",
    "AUDIENCE": "heirloom",
}
# Another issuer whose tokens are taken beside our own: docs/api/authentication.md.
OIDC_ISSUER = env.text("OIDC_ISSUER")
OIDC_AUDIENCE = env.words("OIDC_AUDIENCE")
OIDC_JWKS_URL = env.text("OIDC_JWKS_URL")
OIDC_ROLES_CLAIM = env.text("OIDC_ROLES_CLAIM")
OIDC_SHARED_SECRET = env.secret("OIDC_SHARED_SECRET")
OIDC_LOOPBACK = env.boolean("OIDC_LOOPBACK", default=False)
LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOG_DIR = Path(env.text("LOG_DIR", str(VAR_DIR / "logs")))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "uvicorn.access": {"level": "WARNING"},
        # Its line for each request names addresses, and those of a transcoder open pictures to whoever holds them.
        "httpx": {"level": "WARNING"},
        # A line every few seconds for each look at the queue; the jobs themselves tell what they do.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "media"
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("media", "vision", "interactive", "io")]
CELERY_TASK_ROUTES = {
    "heirloom.jobs.tasks.sweep": {"queue": "io"},
    "enrollment.tasks.withdraw_expired_consents": {"queue": "io"},
    "enrollment.tasks.sweep_imports": {"queue": "io"},
    "enrollment.tasks.renew_search_vectors": {"queue": "io"},
    "verification.tasks.sweep_challenges": {"queue": "io"},
    "heirloom.api.tasks.sweep_keyed_requests": {"queue": "io"},
    "heirloom.uploads.tasks.sweep_uploads": {"queue": "io"},
    "heirloom.api.tasks.sweep_token_families": {"queue": "io"},
}
# Workers tell of themselves in the database (heirloom.jobs.liveness), so the broker carries no control messages.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# A request that rings the broker must not wait for one that is down.
_RING_PATIENCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
# The job row is the truth and the broker a doorbell, so a ring may be lost or heard twice; a minute is soon enough to
# hear it again.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "conn_string": broker_conninfo(DATABASE_URL),
        "init_extension": False,
        # Four queues are read in turn: waiting at one would keep the others waiting.
        "wait_time_seconds": 0,
        "polling_interval": 0.05,
        "pool_timeout": 5,
        "visibility_timeout": 60,
        **_RING_PATIENCE,
    }
    if CELERY_BROKER_URL.startswith("pgmq:")
    else {"visibility_timeout": 60, "socket_connect_timeout": 2, **_RING_PATIENCE}
)
CELERY_BEAT_SCHEDULE = {
    "sweep jobs": {
        "task": "heirloom.jobs.tasks.sweep",
        "schedule": JOB_SWEEP_S,
        "options": {"expires": 60},
    },
    "withdraw expired consents": {"task": "enrollment.tasks.withdraw_expired_consents", "schedule": 24 * 3600},
    "sweep imports": {"task": "enrollment.tasks.sweep_imports", "schedule": 3600},
    "renew search vectors": {
        "task": "enrollment.tasks.renew_search_vectors",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "sweep token families": {"task": "heirloom.api.tasks.sweep_token_families", "schedule": 3600},
    "sweep keyed requests": {"task": "heirloom.api.tasks.sweep_keyed_requests", "schedule": 3600},
    "sweep challenges": {"task": "verification.tasks.sweep_challenges", "schedule": 3600},
    "sweep uploads": {"task": "heirloom.uploads.tasks.sweep_uploads", "schedule": 900},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "run" / "beat")
