import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - settings are read once Django is set up
from django.urls import get_resolver  # noqa: E402

from heirloom.api.body_limits import BodyLimitMiddleware  # noqa: E402
from heirloom.api.handler import OneStepHandler  # noqa: E402

application = BodyLimitMiddleware(
    OneStepHandler(), photo_bytes=settings.UPLOAD_MAX_PHOTO_BYTES, clip_bytes=settings.UPLOAD_MAX_CLIP_BYTES
)

# The addresses and what they import would otherwise be read by the first request.
get_resolver().url_patterns  # noqa: B018 - reading it is what loads it
# What stands by now stands for good: left out of every later collection, which otherwise takes a tenth of a second.
gc.collect()
gc.freeze()
