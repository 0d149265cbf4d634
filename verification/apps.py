from django.apps import AppConfig


class VerificationConfig(AppConfig):
    name = "verification"
    label = "verification"
    verbose_name = "Verification"
