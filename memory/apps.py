"""Django registration of the memory app."""

from django.apps import AppConfig


class MemoryConfig(AppConfig):
    """App registry entry; says which column of a memory names its owner."""

    name = "memory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare the relation columns that authorisation reads, and the consumer of events."""
        from memory import givens  # noqa: F401  # apps are loaded only now
        from memory.models import Memory
        from saas.facade import relate

        relate("memory", Memory, owner="user_id")
