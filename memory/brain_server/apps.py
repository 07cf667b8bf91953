"""Django registration of the brain's service: it owns the table of keys."""

from django.apps import AppConfig


class BrainServerConfig(AppConfig):
    """App registry entry."""

    name = "memory.brain_server"
    label = "brain_server"
    default_auto_field = "django.db.models.BigAutoField"
