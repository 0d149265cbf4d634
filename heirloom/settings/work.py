"""Background work: kinds of jobs, their handlers, Celery."""

from kombu import Queue

from heirloom import env
from heirloom.embedded.local import broker_conninfo
from heirloom.settings.data import CELERY_BROKER_URL, DATABASE_URL
from heirloom.settings.installation import VAR_DIR

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
# Until when nothing of an erased person may be found on the disk, and how often tables are written anew for that.
ERASURE_WITHIN_H = env.integer("ERASURE_WITHIN_H", 24)
ERASURE_EVERY_S = env.integer("ERASURE_EVERY_S", 3600)
# Ports that events are sent to; other services than HTTPS listen at others.
WEBHOOK_PORTS = env.words("WEBHOOK_PORTS", "443")
# For trying webhooks out on one machine: http, and addresses of this machine itself.
WEBHOOK_LOOPBACK_TARGETS = env.boolean("WEBHOOK_LOOPBACK_TARGETS", default=False)
REVIEW_KINDS = {
    "verification": "verification.services.verifications.apply_verdict",
    "duplicate": "enrollment.services.enrollments.apply_verdict",
    "replacement": "enrollment.services.enrollments.apply_verdict",
    "turned": "enrollment.services.turned.apply_verdict",
}
# What the page of a case shows, by its kind.
REVIEW_CASES = {
    "verification": "verification.case.VerificationCase",
    "duplicate": "enrollment.case.DuplicateCase",
    "replacement": "enrollment.case.ReplacementCase",
    "turned": "enrollment.case.TurnedCase",
}
# What lies at rest in a former way, to be made anew (heirloom.crypto.renewal).
AT_REST = (
    "enrollment.services.at_rest.steps",
    "verification.services.at_rest.steps",
    "heirloom.webhooks.at_rest.steps",
    "heirloom.uploads.at_rest.steps",
    "heirloom.api.at_rest.steps",
)

# Who says which files of a folder are named by a row (heirloom.crypto.orphans). Clips and posters are named after
# their verifications, whose rows stand before the files.
FILE_HOLDERS = {
    "captures": "enrollment.services.captures.held_files",
    "imports": "enrollment.services.imports.files.held_files",
    "frames": "verification.services.evidence.held_files",
    "uploads": "heirloom.uploads.services.held_files",
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
    "heirloom.jobs.tasks.give_shares": {"queue": "io"},
    "heirloom.jobs.tasks.sweep_orphans": {"queue": "io"},
    "heirloom.audit.tasks.anchor": {"queue": "io"},
    "heirloom.audit.tasks.tell_unrecorded": {"queue": "io"},
    "heirloom.audit.tasks.note_settings": {"queue": "io"},
    "heirloom.jobs.tasks.renew_at_rest": {"queue": "io"},
    "enrollment.tasks.withdraw_expired_consents": {"queue": "io"},
    "enrollment.tasks.sweep_imports": {"queue": "io"},
    "enrollment.tasks.complete_erasures": {"queue": "io"},
    "enrollment.tasks.renew_search_vectors": {"queue": "io"},
    "verification.tasks.sweep_challenges": {"queue": "io"},
    "verification.tasks.sweep_attempts": {"queue": "io"},
    "heirloom.api.tasks.sweep_keyed_requests": {"queue": "io"},
    "heirloom.uploads.tasks.sweep_uploads": {"queue": "io"},
    "heirloom.api.tasks.sweep_token_families": {"queue": "io"},
    "heirloom.api.tasks.sweep_tries": {"queue": "io"},
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
    "anchor the audit log": {
        "task": "heirloom.audit.tasks.anchor",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "note settings": {"task": "heirloom.audit.tasks.note_settings", "schedule": 600, "options": {"expires": 600}},
    "tell of unrecorded writes": {
        "task": "heirloom.audit.tasks.tell_unrecorded",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "renew what is at rest": {
        "task": "heirloom.jobs.tasks.renew_at_rest",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "report trust": {"task": "heirloom.trust.tasks.report", "schedule": 900, "options": {"expires": 900}},
    "withdraw expired consents": {"task": "enrollment.tasks.withdraw_expired_consents", "schedule": 24 * 3600},
    "complete erasures": {
        "task": "enrollment.tasks.complete_erasures",
        "schedule": ERASURE_EVERY_S,
        "options": {"expires": ERASURE_EVERY_S},
    },
    "sweep imports": {"task": "enrollment.tasks.sweep_imports", "schedule": 3600},
    "renew search vectors": {
        "task": "enrollment.tasks.renew_search_vectors",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "sweep token families": {"task": "heirloom.api.tasks.sweep_token_families", "schedule": 3600},
    "sweep tries": {"task": "heirloom.api.tasks.sweep_tries", "schedule": 3600},
    "sweep keyed requests": {"task": "heirloom.api.tasks.sweep_keyed_requests", "schedule": 3600},
    "sweep attempts": {"task": "verification.tasks.sweep_attempts", "schedule": 24 * 3600},
    "sweep challenges": {"task": "verification.tasks.sweep_challenges", "schedule": 3600},
    "sweep orphans": {"task": "heirloom.jobs.tasks.sweep_orphans", "schedule": 12 * 3600},
    "give shares": {"task": "heirloom.jobs.tasks.give_shares", "schedule": 60, "options": {"expires": 60}},
    "sweep uploads": {"task": "heirloom.uploads.tasks.sweep_uploads", "schedule": 900},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "run" / "beat")
