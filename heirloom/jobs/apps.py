from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "heirloom.jobs"
    label = "jobs"
    verbose_name = "Background work"
