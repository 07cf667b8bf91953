"""Units of work, and the one bridge from async code to rows.

Rules: no ORM call in `async def` (use `in_unit`), no open transaction while waiting for a model.
"""

import asyncio
import contextvars
import select
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
    transaction,
)
from prometheus_client import Gauge

from kernel.actor import Scope
from kernel.calling import calling
from kernel.condition import report
from kernel.errors import Unavailable
from kernel.scope import bind_platform, bind_scope

PLATFORM_ALIAS = "platform"
# What the driver raises when the server is away, restarting, or broke off; never for bad data.
AWAY = (OperationalError, InterfaceError)

P = ParamSpec("P")
R = TypeVar("R")

_busy = Gauge("soma_db_unit_threads_busy", "Threads of the unit pool at work")
_pool: ThreadPoolExecutor | None = None


def _waiting() -> int:
    # The executor has no public way to ask; counting by hand goes wrong when a waiter is cancelled.
    return _pool._work_queue.qsize() if _pool is not None else 0  # noqa: SLF001


Gauge("soma_db_units_waiting", "Units waiting for a thread").set_function(_waiting)


class DatabaseAway(Unavailable):
    """The database cannot be reached."""

    code, title = "database-away", "The database cannot be reached"


@contextmanager
def unit_of_work(scope: Scope, *, lock_patience: str | None = None) -> Iterator[None]:
    """One durable transaction in which row-level security sees `scope` and nothing else.

    The setting is transaction-local, so it is safe behind a transaction pooler and cannot outlive
    the unit. `lock_patience`: how long it waits for a lock ("2s"), before it fails.
    Raises: RuntimeError when units are nested (a unit is the unit of durability).
    """
    with bind_scope(scope), transaction.atomic(durable=True):
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            if lock_patience is None:
                cursor.execute(
                    "select set_config('soma.tenant_id', %s, true)", [str(scope.tenant_id)]
                )
            else:
                cursor.execute(
                    "select set_config('soma.tenant_id', %s, true), "
                    "set_config('lock_timeout', %s, true)",
                    [str(scope.tenant_id), lock_patience],
                )
        yield


@contextmanager
def platform_unit(reason: str) -> Iterator[str]:
    """One transaction as the platform role, which sees every tenant. Yields the database alias.

    For the relay, the reaper, identity look-ups and platform verbs only (import-linter and the
    architecture suite list who may). `reason` is shown in the server's activity view.
    """
    with bind_platform(), transaction.atomic(using=PLATFORM_ALIAS, durable=True):
        with connections[PLATFORM_ALIAS].cursor() as cursor:
            cursor.execute("select set_config('application_name', %s, true)", [f"soma: {reason}"])
        yield PLATFORM_ALIAS


async def in_unit(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the synchronous `work` on the bounded pool, with this task's context.

    Channels' own helper puts all calls of a process on one thread; this pool has
    `unit_threads` of them, each with its own long-lived connection.
    """
    context = contextvars.copy_context()
    name = getattr(work, "__name__", "unit")
    call = partial(context.run, _guarded, partial(work, *args, **kwargs), name)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


def shut_down_pool() -> None:
    """Finish running units and release their connections (process shutdown)."""
    global _pool  # noqa: PLW0603
    if _pool is not None:
        _pool.shutdown(wait=True)
        _pool = None


def _guarded(work: Callable[[], R], name: str) -> R:
    # A server restart leaves broken connections behind: replace them before work, not after.
    close_old_connections()
    _skip_needless_checks()
    _busy.inc()
    try:
        with calling("database", name):
            return work()
    except AWAY:
        report("database")
        raise
    finally:
        _busy.dec()


def _skip_needless_checks() -> None:
    """Spare a connection its `select 1`, one round trip in five, where the socket is silent.

    A server that stopped has closed its end, which makes the socket readable; so does a notice.
    Then the check is made.
    """
    for connection in connections.all(initialized_only=True):
        driver = connection.connection
        if driver is None or driver.closed:
            continue
        poll = select.poll()
        poll.register(driver.fileno(), select.POLLIN)
        if not poll.poll(0):
            connection.health_check_done = True  # type: ignore[attr-defined]  # missing in stubs


def _threads() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603
    if _pool is None:
        _pool = ThreadPoolExecutor(settings.SOMA.unit_threads, thread_name_prefix="soma-unit")
    return _pool
