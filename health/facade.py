"""The monitor of this process, for the composition root and for the edges of `health`."""

import asyncio
import threading

import structlog

from health.monitor import Monitor
from kernel.condition import CONDITION

log = structlog.get_logger(__name__)


def monitor() -> Monitor:
    """The monitor that `somaagent.wiring` bound."""
    found = CONDITION.get()
    assert isinstance(found, Monitor)  # noqa: S101  # the only adapter
    return found


async def watch() -> None:
    """Run the monitor in this process's own loop (web)."""
    await monitor().run()


def watch_on_a_thread() -> None:
    """Run the monitor on a thread with a loop of its own (worker)."""

    def run() -> None:
        try:
            asyncio.run(monitor().run())
        except Exception:
            log.exception("health.monitor_ended")

    threading.Thread(target=run, name="soma-health", daemon=True).start()
