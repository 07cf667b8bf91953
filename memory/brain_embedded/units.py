"""The unit in which a call of the embedded brain runs: the caller's own, or a new one with a limit.

A caller's open unit keeps its own time limit; only a unit opened here gets the call's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection
from psycopg.errors import QueryCanceled

from kernel.db import unit_of_work
from kernel.scope import current_scope
from memory.brain_embedded import search
from memory.errors import MemoryLate
from memory.ports import MemoryScope


def is_open(scope: MemoryScope) -> bool:
    """Say whether the caller has a unit of this tenant open."""
    return current_scope() == scope.tenant and connection.in_atomic_block


@contextmanager
def unit(
    scope: MemoryScope, *, timeout_s: float | None = None, for_recall: bool = False
) -> Iterator[bool]:
    """Join the open unit of the same tenant, or open one; only an own unit gets the time limit.

    Yields whether it is an own one.
    Raises: MemoryLate; RuntimeError (from unit_of_work) when a unit of another tenant is open.
    """
    if is_open(scope):
        yield False
        return
    try:
        with unit_of_work(scope.tenant):
            if for_recall and timeout_s is not None:
                search.limit_time(timeout_s)
            elif timeout_s is not None:
                search.limit_statements(timeout_s)
            yield True
    except OperationalError as exc:
        if isinstance(exc.__cause__, QueryCanceled):
            raise MemoryLate from exc
        raise
