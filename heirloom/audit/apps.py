from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "heirloom.audit"
    label = "audit"
    verbose_name = "Audit"
