"""Worker tasks of the gateway."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from gateway.ledger.book import settle_orphans
from gateway.ledger.retention import forget_calls
from gateway.routing.log import forget_decisions
from gateway.sync import sync_environment
from gateway.v1.responses import forget_expired


@shared_task(name="gateway.sync_environment")  # type: ignore[untyped-decorator]  # celery has no types
def follow_environment() -> int:
    """Find providers that came or went (an Ollama that was started later). Gives the changes."""
    return len(sync_environment().changed)


@shared_task(name="gateway.settle_orphans")  # type: ignore[untyped-decorator]  # celery has no types
def settle_what_was_left() -> int:
    """Settle the calls of processes that ended, and free what they held. Gives how many."""
    return settle_orphans(settings.SOMA.ledger_dir)


@shared_task(name="gateway.forget_calls")  # type: ignore[untyped-decorator]  # celery has no types
def forget_old_calls() -> int:
    """Delete single calls that are past their time; their sums stay. Gives how many."""
    return forget_calls(timedelta(days=settings.SOMA.calls_kept_days))


@shared_task(name="gateway.forget_responses")  # type: ignore[untyped-decorator]  # celery has no types
def forget_responses() -> int:
    """Delete answers of `/v1/responses` that are past their time. Gives how many."""
    return forget_expired()


@shared_task(name="gateway.forget_decisions")  # type: ignore[untyped-decorator]  # celery has no types
def forget_old_decisions() -> int:
    """Delete decisions of routing that are past their time. Gives how many."""
    return forget_decisions()
