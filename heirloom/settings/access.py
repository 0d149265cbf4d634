"""Who comes in: sign-in, transport, the API's doors and their limits."""

from datetime import timedelta

from django.urls import reverse_lazy

from heirloom import env
from heirloom.settings.installation import EMBEDDED, HTTPS

# Sign-in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_MIN_LENGTH = env.integer("PASSWORD_MIN_LENGTH", 15)
BREACHED_PASSWORDS_FILE = env.text("BREACHED_PASSWORDS_FILE")
_DJANGOS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_DJANGOS}.UserAttributeSimilarityValidator"},
    # NIST SP 800-63B-4, 3.1.1.2: fifteen characters where a password may be all there is.
    {"NAME": f"{_DJANGOS}.MinimumLengthValidator", "OPTIONS": {"min_length": PASSWORD_MIN_LENGTH}},
    {"NAME": f"{_DJANGOS}.CommonPasswordValidator"},
    {"NAME": f"{_DJANGOS}.NumericPasswordValidator"},
    {"NAME": "heirloom.accounts.breached.BreachedPasswordValidator"},
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
# Whoever goes on trying at a lock does not keep it closed.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_WHITELIST_CALLABLE = "heirloom.accounts.gate.on_known_device"
# Failures of one address in a quarter of an hour, and of one name in an hour from where it is not known.
SIGN_IN_PER_ADDRESS = env.integer("SIGN_IN_PER_ADDRESS", 30)
SIGN_IN_PER_NAME = env.integer("SIGN_IN_PER_NAME", 50)
DEVICE_COOKIE_NAME = "__Host-heirloom-device" if HTTPS else "heirloom-device"
AXES_HANDLER = "heirloom.accounts.tried.Handler"
AXES_USERNAME_CALLABLE = "heirloom.accounts.tried.username"
AXES_CLIENT_IP_CALLABLE = "heirloom.accounts.tried.address"

# Transport
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("BEHIND_PROXY", default=False) else None
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
# A browser takes a cookie with this prefix from this host alone, by HTTPS, and from no page of a neighbouring name.
if HTTPS:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_MINUTES = env.integer("SESSION_IDLE_MINUTES", 60)
# Roles that nobody uses without a second factor: a new machine works at once, a deployment asks its administrators.
SECOND_FACTOR_ROLES = env.words("SECOND_FACTOR_ROLES", "" if EMBEDDED else "admin")
X_FRAME_OPTIONS = "DENY"
# For how long whoever has signed in, or given their password again, may do the gravest acts.
REAUTHENTICATION_MINUTES = env.integer("REAUTHENTICATION_MINUTES", 10)

# The web server's connections: seconds for the head of a request and for taking some of an answer, and
# how many one process holds.
WEB_HEAD_S = env.decimal("WEB_HEAD_S", 10.0)
WEB_TAKEN_S = env.decimal("WEB_TAKEN_S", 120.0)
WEB_CONNECTIONS = env.integer("WEB_CONNECTIONS", 1000)

# Figures of work and people's cases are for operators: a token of Prometheus' own, or an auditor's.
METRICS_TOKEN = env.secret("METRICS_TOKEN")
METRICS_HOSTS = env.words("METRICS_HOSTS")

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
        # Of all keys of one client app together.
        "owner": env.text("THROTTLE_OWNER", "1800/min"),
        "owner-cost": env.text("THROTTLE_OWNER_COST", "18000/min"),
        "sign-in": env.text("THROTTLE_SIGN_IN", "10/min"),
        "refresh": env.text("THROTTLE_REFRESH", "120/min"),
        "refused-key": env.text("THROTTLE_REFUSED_KEY", "10/min"),
        "refused-token": env.text("THROTTLE_REFUSED_TOKEN", "60/min"),
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

# Messages to who is signed in stay here with the session, and travel in no cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
