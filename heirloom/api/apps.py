from django.apps import AppConfig
from django.core.checks import register


class ApiConfig(AppConfig):
    name = "heirloom.api"
    label = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from heirloom.api import checks  # noqa: PLC0415  # settings stand only now

        register(checks.issuer)
        register(checks.bounds)
