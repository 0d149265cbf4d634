"""Models, decisions and consent."""

from pathlib import Path

from heirloom import env
from heirloom.embedded import local
from heirloom.settings.installation import VAR_DIR
from heirloom.settings.media import TRANSCODER

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
# One check that vouches for a live person is evidence; whether it approves alone is said here, and in each such record.
# A challenge is performed before whatever its user holds, so its file may come from anywhere; a picture without one
# comes from a camera that the client app vouches for.
CHALLENGE_ALONE_APPROVES = env.boolean("CHALLENGE_ALONE_APPROVES", default=False)
PASSIVE_CHECK_ALONE_APPROVES = env.boolean("PASSIVE_CHECK_ALONE_APPROVES", default=True)
CHALLENGE_TTL_S = env.integer("CHALLENGE_TTL_S", 120)
# How many one caller is issued in an hour, used or not: in all, and for searches (1:N), which any recording may fit.
CHALLENGES_PER_CALLER_HOUR = env.integer("CHALLENGES_PER_CALLER_HOUR", 1000)
CHALLENGES_OF_NOBODY_HOUR = env.integer("CHALLENGES_OF_NOBODY_HOUR", 60)
# Attempts on one person that may fail in a row before there are delays: of one caller, and of all together; the first
# delay, which doubles, and the longest; how many end verification by face; after how many days failures are forgotten.
FACE_FAILURES_PER_CALLER = env.integer("FACE_FAILURES_PER_CALLER", 5)
FACE_FAILURES_PER_PERSON = env.integer("FACE_FAILURES_PER_PERSON", 10)
FACE_FAILURE_DELAY_S = env.integer("FACE_FAILURE_DELAY_S", 30)
FACE_FAILURE_DELAY_MOST_S = env.integer("FACE_FAILURE_DELAY_MOST_S", 3600)
FACE_SUSPENDED_AFTER = env.integer("FACE_SUSPENDED_AFTER", 50)
FACE_FAILURES_KEPT_DAYS = env.integer("FACE_FAILURES_KEPT_DAYS", 7)
# Searches (1:N) of one client app that may find nobody within an hour.
SEARCH_FAILURES_PER_HOUR = env.integer("SEARCH_FAILURES_PER_HOUR", 300)
# What trust reports call the version in use, and by which groups that are declared of people they tell rates.
RELEASE = env.text("RELEASE")
TRUST_SLICES = env.words("TRUST_SLICES")
IDENTIFICATION_TARGET_FPIR = env.decimal("IDENTIFICATION_TARGET_FPIR", 0.001)

# Consent: the text that people agree to, by its version; a service elsewhere that sees their clips makes it another.
CONSENT_POLICY_VERSION = env.text("CONSENT_POLICY_VERSION", "2026-1") + (
    "+zencoder" if TRANSCODER == "zencoder" else ""
)
CONSENT_PURPOSE = env.text("CONSENT_PURPOSE", "Verifying identity at work by face")
