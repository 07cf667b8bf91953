"""Locks by a name, of the open transaction: PostgreSQL's advisory locks."""

from collections.abc import Iterable
from typing import Any


def take_turns(cursor: Any, names: Iterable[str], *, is_shared: bool = False) -> None:
    """Wait for the locks of these names, which last until the transaction ends.

    Shared ones only wait for those who have theirs alone. Taken in the order of the names, so that
    two who want several never wait for each other. What is read next is as of when they were had.
    """
    function = "pg_advisory_xact_lock_shared" if is_shared else "pg_advisory_xact_lock"
    cursor.execute(
        f"select {function}(hashtextextended(name, 0)) "  # noqa: S608  # constants
        "from unnest(%s::text[]) as name",
        [sorted(set(names))],
    )
