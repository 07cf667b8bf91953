"""Tenants whose background work waits: nothing of theirs is touched, and nothing is lost.

An upper app says which (suspended ones). Whoever works for all tenants leaves these out: their
events stay in the outbox (`kernel.consuming`), their rows as they are, until they are held no more.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from kernel.remembered import Kept

Source = Callable[[], Sequence[UUID]]

_source: Source | None = None
_known: Kept[None, list[UUID]] = Kept()


def hold(source: Source) -> None:
    """Ask `source` from now on; it is asked about once a second."""
    global _source  # noqa: PLW0603
    _source = source


def held_tenants() -> list[UUID]:
    """The tenants that are held, not older than a second. Raises: what the source raises."""
    if _source is None:
        return []
    known = _known.get(None)
    if known is None:
        stamp = _known.stamp()
        known = list(_source())
        _known.keep(None, known, stamp)
    return known


def look_again() -> None:
    """Somebody is held from now on, or no more."""
    _known.forget()
