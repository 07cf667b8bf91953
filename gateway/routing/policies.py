"""The rules of tenants and of the platform, as they are stored and as this process knows them."""

from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

import orjson

from gateway.models import RoutingPolicy
from gateway.routing.rules import Rules, bound, rules_of
from kernel.actor import Scope
from kernel.bus.ports import BUS, Payload
from kernel.db import unit_of_work
from kernel.remembered import Remembered

TOPIC = "gateway.routing"
# Whose rules hold where a tenant has none, and who pays for shadows: no tenant has this id.
PLATFORM = UUID(int=1)


@dataclass(frozen=True, slots=True)
class Known:
    """Rules as they bind a tenant. `digest`: the same for the same rules."""

    rules: Rules
    digest: str


def stored(tenant_id: UUID) -> Rules | None:
    """What a tenant (or `PLATFORM`) said; None: nothing."""
    with unit_of_work(Scope(tenant_id)):
        row = RoutingPolicy.objects.first()
    return rules_of(row.rules) if row is not None else None


def read(tenant_id: UUID) -> Known:
    """What binds a tenant now. Two statements."""
    return known(bound(stored(tenant_id), stored(PLATFORM) or Rules()))


def known(rules: Rules) -> Known:
    """With their digest."""
    text = orjson.dumps(rules.as_json(), option=orjson.OPT_SORT_KEYS)
    return Known(rules, blake2b(text, digest_size=8).hexdigest())


RULES: Remembered[UUID, Known] = Remembered(read)


def tell_rules(tenant_id: UUID) -> None:
    """Rules changed: forget them here and elsewhere, after the commit; the platform's are all's."""
    RULES.forget(None if tenant_id == PLATFORM else tenant_id)
    BUS.get().publish(TOPIC, {"tenant": "" if tenant_id == PLATFORM else str(tenant_id)})


async def follow_rules() -> None:
    """Hear at once of rules that another process changed; once, in the process's own loop."""

    def changed(payload: Payload) -> None:
        tenant = payload.get("tenant")
        RULES.forget(UUID(tenant) if tenant else None)

    await BUS.get().listen(TOPIC, changed)
