from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "heirloom.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
