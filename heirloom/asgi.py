import gc
import os
import re

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402 - it reads settings as well
from django.conf import settings  # noqa: E402 - settings are read once Django is set up
from django.urls import get_resolver  # noqa: E402

from heirloom.api.asked import RequestIds  # noqa: E402
from heirloom.api.body_limits import BodyLimitMiddleware  # noqa: E402
from heirloom.api.handler import OneStepHandler  # noqa: E402
from heirloom.api.strangers import StrangersUnread  # noqa: E402
from heirloom.live.consumers import Follower  # noqa: E402
from heirloom.uploads.arriving import ArrivingBodies  # noqa: E402

arriving = ArrivingBodies(
    StrangersUnread(OneStepHandler()), path=re.compile(r"/api/v1/uploads/([^/]+/?)?|/api/v1/uploads")
)
application = RequestIds(
    ProtocolTypeRouter(
        {
            "http": BodyLimitMiddleware(
                arriving, photo_bytes=settings.UPLOAD_MAX_PHOTO_BYTES, clip_bytes=settings.UPLOAD_MAX_CLIP_BYTES
            ),
            "websocket": Follower.as_asgi(),
        }
    )
)

# The addresses and what they import would otherwise be read by the first request.
get_resolver().url_patterns  # noqa: B018 - reading it is what loads it
# What stands by now stands for good: left out of every later collection, which otherwise takes a tenth of a second.
gc.collect()
gc.freeze()
