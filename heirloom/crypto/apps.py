from django.apps import AppConfig


class CryptoConfig(AppConfig):
    name = "heirloom.crypto"
    label = "crypto"
    verbose_name = "Encryption"
