"""Django registration of the saas app."""

from django.apps import AppConfig


class SaasConfig(AppConfig):
    """App registry entry."""

    name = "saas"
    default_auto_field = "django.db.models.BigAutoField"
