"""The Celery application: `celery -A heirloom worker --pool=threads`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")

app = Celery("heirloom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
