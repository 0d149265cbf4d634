from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "heirloom.api"
    label = "api"
    verbose_name = "API"
