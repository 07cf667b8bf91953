"""The Celery application: broker Valkey, schedules, and how commits wake tasks."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import celery
import structlog
from celery.signals import setup_logging, worker_process_init, worker_ready
from django.conf import settings
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

# Messages in the broker are wake-ups: beat repeats each of them, so losing one costs seconds.
SCHEDULE: dict[str, tuple[str, float]] = {
    "relay": ("somaagent.relay_outbox", 2.0),
    "reap": ("somaagent.reap_turns", 5.0),
    "index": ("memory.index_pending", 5.0),
    "sleep": ("memory.sleep", 2.0),
    "plan-sleep": ("memory.plan_sleep", 1800.0),
    "memory-retention": ("memory.enforce_retention", 3600.0),
    "environment": ("gateway.sync_environment", 60.0),
    "orphans": ("gateway.settle_orphans", 10.0),
    "responses": ("gateway.forget_responses", 3600.0),
    "calls": ("gateway.forget_calls", 3600.0),
    "decisions": ("gateway.forget_decisions", 3600.0),
    "reconcile-events": ("somaagent.reconcile_events", 900.0),
    "mirror-rights": ("somaagent.mirror_rights", 300.0),
    "mirror-memberships": ("somaagent.mirror_memberships", 900.0),
    "reconcile-memories": ("somaagent.reconcile_memories", 900.0),
    "mails": ("saas.send_mails", 2.0),
    "secrets": ("saas.forget_secrets", 3600.0),
    "acting": ("saas.close_acting", 60.0),
    "audit-archive": ("saas.archive_audit", 3600.0),
    "retention": ("somaagent.retention", 3600.0),
}


def _broker_url() -> str:
    url: str = settings.SOMA_REDIS_URL
    # kombu's name for a Redis socket.
    return url.replace("unix://", "redis+socket://", 1)


app = celery.Celery("somaagent")
app.conf.update(
    broker_url=_broker_url(),
    result_backend=None,
    task_ignore_result=True,
    task_default_queue="soma",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 5, "visibility_timeout": 600},
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    timezone="UTC",
    beat_schedule={
        # A sweep that could not run in its interval is worth nothing afterwards.
        name: {"task": task, "schedule": every_s, "options": {"expires": max(1.0, every_s)}}
        for name, (task, every_s) in SCHEDULE.items()
    },
    imports=["gateway.tasks", "memory.tasks", "saas.tasks", "somaagent.tasks"],
)


@setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no types
def _keep_our_logging(**_: Any) -> None:
    """Logging is configured by the settings; celery must not add its own."""


@worker_process_init.connect  # type: ignore[untyped-decorator]  # celery has no types
def _note_start(**_: Any) -> None:
    log.info("worker.started")


@worker_ready.connect  # type: ignore[untyped-decorator]  # celery has no types
def _watch_health(**_: Any) -> None:
    """What the worker sees of each service counts as much as what a web process sees."""
    # Celery loads this module before Django has its apps.
    from health.facade import watch_on_a_thread
    from saas.facade import follow_modes

    watch_on_a_thread(follow_modes)


@worker_ready.connect  # type: ignore[untyped-decorator]  # celery has no types
def _consume_events(**_: Any) -> None:
    from kernel.bus.backbone import BACKBONE
    from somaagent.consumer import EventConsumer

    # The embedded log is read by the relay itself.
    if not BACKBONE.get().is_inline:
        EventConsumer().start()


def wake(task: str) -> None:
    """Ask a worker to run `task` soon; a broker that is away is left to beat's sweep."""
    try:
        app.send_task(task, retry=False, expires=60)
    except (OperationalError, OSError) as exc:
        log.info("wake.lost", task=task, error=type(exc).__name__)
