"""The monitor of this process, for the composition root and for the edges of `health`."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

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


def watch_on_a_thread(*beside: Callable[[], Awaitable[None]]) -> None:
    """Run the monitor on a thread with a loop of its own (worker), `beside` in the same loop."""

    async def all_of_it() -> None:
        await asyncio.gather(monitor().run(), *(one() for one in beside))

    def run() -> None:
        try:
            asyncio.run(all_of_it())
        except Exception:
            log.exception("health.monitor_ended")

    threading.Thread(target=run, name="soma-health", daemon=True).start()
