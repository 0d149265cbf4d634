"""The audit log: where it is anchored, and which settings leave an event when they are changed."""

from heirloom import env
from heirloom.settings.installation import VAR_DIR

# Anchors: the log's last event, told to places that whoever has the database cannot change (docs/audit.md).
AUDIT_ANCHOR_FILE = env.text("AUDIT_ANCHOR_FILE", str(VAR_DIR / "audit" / "anchors.jsonl"))
AUDIT_ANCHOR_URL = env.text("AUDIT_ANCHOR_URL")
AUDIT_ANCHOR_TOKEN = env.secret("AUDIT_ANCHOR_TOKEN")
AUDIT_ANCHOR_RETAIN_DAYS = env.integer("AUDIT_ANCHOR_RETAIN_DAYS", 0)
AUDIT_ANCHOR_S = env.integer("AUDIT_ANCHOR_S", 300)
AUDIT_ANCHOR_EVENTS = env.integer("AUDIT_ANCHOR_EVENTS", 1000)
AUDIT_TSA_URL = env.text("AUDIT_TSA_URL")
AUDIT_TSA_CERTIFICATES = env.text("AUDIT_TSA_CERTIFICATES")

# Who writes down what is done with logins: a lower room rings an upper one by name.
LOGIN_RECORDER = "heirloom.audit.logins.record"

# Settings that decide what is let through: a start with another value than the last leaves an event. None is secret.
AUDITED_SETTINGS = (
    "ATTACK_CHECK_REQUIRED",
    "AUDIT_ANCHOR_EVENTS",
    "AUDIT_ANCHOR_FILE",
    "AUDIT_ANCHOR_RETAIN_DAYS",
    "AUDIT_ANCHOR_S",
    "AUDIT_ANCHOR_URL",
    "AUDIT_TSA_URL",
    "AXES_COOLOFF_TIME",
    "AXES_FAILURE_LIMIT",
    "CHALLENGES_OF_NOBODY_HOUR",
    "CHALLENGES_PER_CALLER_HOUR",
    "CHALLENGE_ALONE_APPROVES",
    "CHALLENGE_TTL_S",
    "CONSENT_POLICY_VERSION",
    "DEBUG",
    "ERASURE_WITHIN_H",
    "GIVEN_MODEL_DEFAULTS",
    "HTTPS",
    "IDENTIFICATION_TARGET_FPIR",
    "NONCOMMERCIAL_MODELS_ACKNOWLEDGED",
    "OIDC_AUDIENCE",
    "OIDC_ISSUER",
    "OIDC_LOOPBACK",
    "OIDC_ROLES_CLAIM",
    "PASSIVE_CHECK_ALONE_APPROVES",
    "SESSION_COOKIE_AGE",
    "SIGN_IN_PER_ADDRESS",
    "SIGN_IN_PER_NAME",
    "TRANSCODER",
    "WEBHOOK_LOOPBACK_TARGETS",
)
