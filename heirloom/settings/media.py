"""What is received, and what reads it."""

from heirloom import env

# Uploads: the byte limits of heirloom.api.body_limits come first; these are what Django reads into memory of
# a form that is no file, and how many fields and files it may have.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
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
