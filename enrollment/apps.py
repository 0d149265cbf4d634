from django.apps import AppConfig
from django.core.checks import register


class EnrollmentConfig(AppConfig):
    name = "enrollment"
    label = "enrollment"
    verbose_name = "Enrollment"

    def ready(self) -> None:
        from enrollment import checks  # noqa: PLC0415  # settings stand only now

        register(checks.transcoder)
