"""A right changed: every process hears of it at once, and forgets what it knows.

Owns: the topic, what is remembered of grants (`GRANTS`), and who in this process wants to be told.
A message that is lost costs at most the age of what is remembered, 0.9 s; open sockets look again
when the bus is back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import DEFAULT_DB_ALIAS, transaction

from kernel import outbox
from kernel.actor import Scope
from kernel.bus.ports import BUS, Payload
from kernel.db import AWAY, unit_of_work
from kernel.events import Envelope, event, subscribe
from kernel.remembered import Kept
from saas.authz.ports import AUTHORITY, AuthorityAway
from saas.identity.port import IDENTITY

TOPIC = "rights"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """Whose rights changed. None: of everybody, in every tenant."""

    tenant_id: UUID | None = None
    user_id: UUID | None = None

    def concerns(self, tenant_id: UUID | None, user_id: UUID) -> bool:
        """Whether a person who works in a tenant must be looked at again."""
        return self.tenant_id in (None, tenant_id) and self.user_id in (None, user_id)


Watcher = Callable[[Change], None]
# (tenant, person, type, object) -> relations.
GrantKey = tuple[UUID | None, UUID, str, UUID]

GRANTS: Kept[GrantKey, frozenset[str]] = Kept()
_watchers: set[Watcher] = set()


@event("rights.changed", version=1, topic="audit", waits=False)
@dataclass(frozen=True, slots=True)
class RightsChanged:
    """The facts of a person (null: of anybody) in a tenant changed: the mirrors follow."""

    tenant_id: UUID
    user_id: UUID | None


@subscribe(RightsChanged, name="authz.mirror")
def mirror_rights(event: RightsChanged, _: Envelope) -> None:
    """Copy what is true now, whatever the event was; then everybody looks again."""
    authority = AUTHORITY.get()
    if authority.is_mirror and authority.mirror(event.tenant_id, event.user_id):
        change = Change(event.tenant_id, event.user_id)
        transaction.on_commit(lambda: _tell(change), using=DEFAULT_DB_ALIAS)


def tell_rights(tenant_id: UUID | None, user_id: UUID | None = None) -> None:
    """Tell all processes, once the open unit has committed; a mirror follows.

    What concerns one person is mirrored before the verb returns, so that whoever changed it reads
    what was written; what concerns a whole tenant, and what could not be mirrored, by the outbox.
    """
    change = Change(tenant_id, user_id)
    has_copy = AUTHORITY.get().is_mirror or IDENTITY.get().is_mirror
    if has_copy and tenant_id is not None:
        outbox.emit(RightsChanged(tenant_id, user_id), key=f"rights:{tenant_id}")
        if user_id is not None and AUTHORITY.get().is_mirror:
            transaction.on_commit(lambda: _mirror_now(tenant_id, user_id), using=DEFAULT_DB_ALIAS)
    transaction.on_commit(lambda: _tell(change), using=DEFAULT_DB_ALIAS)


def _mirror_now(tenant_id: UUID, user_id: UUID) -> None:
    try:
        with unit_of_work(Scope(tenant_id)):
            AUTHORITY.get().mirror(tenant_id, user_id)
    except (AuthorityAway, *AWAY) as exc:
        # It has committed: the outbox brings it there.
        log.info("rights.mirrored_later", tenant_id=str(tenant_id), error=type(exc).__name__)


def watch_rights(on_change: Watcher) -> Callable[[], None]:
    """Call `on_change` in the loop that follows, at each change. Returns the way to stop."""
    _watchers.add(on_change)
    return lambda: _watchers.discard(on_change)


async def follow_rights() -> None:
    """Take up every change from now on; once, in the process's own loop."""

    def heard(payload: Payload) -> None:
        _take_up(_change_of(payload))

    await BUS.get().listen(TOPIC, heard)


def _tell(change: Change) -> None:
    GRANTS.forget()
    payload = {"tenant": change.tenant_id, "user": change.user_id}
    BUS.get().publish(TOPIC, {name: str(value) for name, value in payload.items() if value})


def _change_of(payload: Payload) -> Change:
    tenant, user = payload.get("tenant"), payload.get("user")
    return Change(UUID(tenant) if tenant else None, UUID(user) if user else None)


def _take_up(change: Change) -> None:
    GRANTS.forget()
    for watcher in list(_watchers):
        watcher(change)
