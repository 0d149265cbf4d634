from django.apps import AppConfig


class FactorsConfig(AppConfig):
    name = "heirloom.factors"
    label = "factors"
    verbose_name = "Second factors"
