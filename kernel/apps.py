"""Django registration of the kernel's tables (outbox, inbox, idempotency)."""

from django.apps import AppConfig
from psycopg import _queries

# Above the longest statement that we write by hand (recall's), and the one with the most values.
STATEMENT_CHARS, STATEMENT_VALUES = 32_768, 100


class KernelConfig(AppConfig):
    """App registry entry."""

    name = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the driver keep what it reads of long statements as it does of short ones.

        Else it looks for the places of their values each time: a quarter of a millisecond a turn.
        """
        _queries.MAX_CACHED_STATEMENT_LENGTH = STATEMENT_CHARS
        _queries.MAX_CACHED_STATEMENT_PARAMS = STATEMENT_VALUES
