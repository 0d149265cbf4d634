from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "heirloom.uploads"
    label = "uploads"
    verbose_name = "Uploads"
