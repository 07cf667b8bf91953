"""What platform admins do with events: see how delivery stands, replay and discard dead letters."""

from collections.abc import Sequence
from uuid import UUID

from kernel import letters
from kernel.actor import Actor
from kernel.db import platform_unit
from kernel.letters import Delivery, Letter
from saas.audit import audit
from saas.authz.check import require

PERMISSION = "platform.administrate"
# Letters of one transaction.
AT_ONCE = 500


def see_delivery(actor: Actor) -> Delivery:
    """How delivery stands, over all tenants. Raises: Forbidden."""
    require(actor, PERMISSION)
    return letters.delivery()


def see_letters(actor: Actor, limit: int, before: UUID | None) -> list[Letter]:
    """Dead letters, newest event first. Raises: Forbidden."""
    require(actor, PERMISSION)
    return letters.letters(limit, before)


def replay_letters(actor: Actor, ids: Sequence[UUID] | None) -> int:
    """Make dead letters due again; None: all that there are. Returns how many. Raises: Forbidden.

    Audited: one entry an event, in the audit log of the platform.
    """
    require(actor, PERMISSION)
    wanted = letters.dead_ids() if ids is None else list(ids)
    count = 0
    for first in range(0, len(wanted), AT_ONCE):
        with platform_unit("events replay"):
            found = letters.replay(wanted[first : first + AT_ONCE])
            for event_id in found:
                audit(actor, "event.replayed", "event", event_id)
        count += len(found)
    letters.wake()
    return count


def discard_letters(actor: Actor, ids: Sequence[UUID], reason: str) -> int:
    """Delete dead letters for ever. Returns how many there were. Raises: Forbidden.

    Audited with the reason: one entry an event.
    """
    require(actor, PERMISSION)
    with platform_unit("events discard"):
        found = letters.discard(ids)
        for event_id in found:
            audit(actor, "event.discarded", "event", event_id, after={"reason": reason})
    return len(found)
