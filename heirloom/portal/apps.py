from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "heirloom.portal"
    label = "portal"
    verbose_name = "Portal"
