"""Django registration of the kernel's tables (outbox, inbox, idempotency)."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """App registry entry."""

    name = "kernel"
    default_auto_field = "django.db.models.BigAutoField"
