"""This installation: where it lives, the apps it is made of, its pages, its logs."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from heirloom import env
from heirloom.embedded import local

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
    "heirloom.accounts",  # before Django's own, whose commands that write logins it takes the place of
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
    "heirloom.crypto",
    "heirloom.audit",
    "heirloom.factors",
    "heirloom.jobs",
    "heirloom.api",
    "heirloom.uploads",
    "heirloom.webhooks",
    "heirloom.reviews",
    "enrollment",
    "verification",
    "heirloom.trust",
    "heirloom.portal",
    "heirloom.embedded",
]
MIDDLEWARE = [
    "heirloom.portal.probes.ProbeMiddleware",
    "heirloom.api.asked.AskedMiddleware",
    "heirloom.portal.middleware.NoStoreMiddleware",
    "heirloom.api.middleware.NulMiddleware",
    "heirloom.api.middleware.QueryMiddleware",
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
    "heirloom.portal.signing_in.SessionMiddleware",
    "heirloom.accounts.middleware.PasswordChangeMiddleware",
    "heirloom.portal.confirmation.ConfirmationMiddleware",
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
                "heirloom.portal.confirmation.asked",
            ]
        },
    }
]

LANGUAGE_CODE = "en"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in (_LEVELS := ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")):
    raise ImproperlyConfigured(f"LOG_LEVEL must be one of {', '.join(_LEVELS)}, not {LOG_LEVEL!r}")
# Of loggers that say too much: as quiet as LOG_LEVEL asks for, and never louder than this.
_QUIET = {"level": max("WARNING", LOG_LEVEL, key=_LEVELS.index)}
LOG_DIR = Path(env.text("LOG_DIR", str(VAR_DIR / "logs")))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "heirloom.logs.Line",
            "fmt": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        }
    },
    "filters": {"routes": {"()": "heirloom.logs.Routes"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["routes"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # The web servers write as everything else does.
        "uvicorn": {"propagate": True},
        "uvicorn.error": {"level": LOG_LEVEL, "propagate": True},
        "uvicorn.access": {**_QUIET, "propagate": True},
        "gunicorn.error": {"propagate": True},
        # Its line for each request names addresses, and those of a transcoder open pictures to whoever holds them.
        "httpx": _QUIET,
        # A line every few seconds for each look at the queue; the jobs themselves tell what they do.
        "celery.beat": _QUIET,
        "celery.worker.strategy": _QUIET,
        "celery.app.trace": _QUIET,
    },
}
