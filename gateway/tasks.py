"""Worker tasks of the gateway."""

from celery import shared_task

from gateway.sync import sync_environment


@shared_task(name="gateway.sync_environment")  # type: ignore[untyped-decorator]  # celery has no types
def follow_environment() -> int:
    """Find providers that came or went (an Ollama that was started later). Gives the changes."""
    return len(sync_environment().changed)
