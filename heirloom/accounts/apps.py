from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "heirloom.accounts"
    label = "accounts"
    verbose_name = "Accounts"
