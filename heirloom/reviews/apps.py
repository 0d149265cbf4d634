from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "heirloom.reviews"
    label = "reviews"
    verbose_name = "Reviews"
