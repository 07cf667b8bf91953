"""Django registration of the memory app."""

from django.apps import AppConfig


class MemoryConfig(AppConfig):
    """App registry entry; says which column of a memory names its owner."""

    name = "memory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare the relation columns that authorisation reads."""
        from saas.facade import relate  # apps are loaded only now

        relate("memory", owner="user_id")
