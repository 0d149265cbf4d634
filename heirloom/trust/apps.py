from django.apps import AppConfig


class TrustConfig(AppConfig):
    name = "heirloom.trust"
    label = "trust"
    verbose_name = "Trust"
