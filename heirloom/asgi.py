import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402 - settings are read once the application stands

from heirloom.api.body_limits import BodyLimitMiddleware  # noqa: E402

application = BodyLimitMiddleware(
    django_application, photo_bytes=settings.UPLOAD_MAX_PHOTO_BYTES, clip_bytes=settings.UPLOAD_MAX_CLIP_BYTES
)
