"""Django registration of health."""

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """App registry entry."""

    name = "health"
