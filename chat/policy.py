"""What a tenant says about every turn of its agents: instructions, lanes, limits, privacy.

Owns: the row, what this process knows of it, and the verbs of the page. A change is told over the
bus, so every process knows at once; without the bus within `KNOWN_FOR_S`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from chat.models import TurnPolicy
from chat.privacy.recognising import require_installed
from chat.turns.governor import LANES, SHARES, TOOL_LIMIT, Lane, Rules
from chat.turns.knobs import Derived
from kernel.actor import Actor, Scope
from kernel.bus.ports import BUS, Payload
from kernel.clock import monotonic_s, now
from kernel.db import unit_of_work
from kernel.errors import Unprocessable
from kernel.text import checked
from saas.facade import audit, require

TOPIC = "chat.policy"
KNOWN_FOR_S = 30.0
# Tenants that a process remembers; beyond it, all are read again as they are needed.
KEPT = 10_000
# With fewer tokens for a turn, minimums and a short message would leave no room for an answer.
LEAST_TURN_TOKENS, MOST_TOKENS = 1_000, 2_000_000
LEAST_OUTPUT_TOKENS = 32
MOST_RECALL_ITEMS = 50
MOST_INSTRUCTION_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Policy:
    """None: as the platform's table and the agent's knobs say.

    `instructions`: before every agent's own. `shares`: of the normal level, per cent, by lane.
    `turn_tokens`, `output_tokens`, `recall_items`: upper limits beside the agent's own.
    `redacts`: personal data is replaced before anything goes to a provider outside.
    """

    instructions: str = ""
    shares: Mapping[Lane, int] | None = None
    turn_tokens: int | None = None
    output_tokens: int | None = None
    recall_items: int | None = None
    tool_limit: int = TOOL_LIMIT
    redacts: bool = False

    @property
    def rules(self) -> Rules:
        """As the governor takes it."""
        return Rules(self.shares or SHARES["normal"], self.tool_limit)

    def bound(self, derived: Derived) -> Derived:
        """What an agent's knobs give, held to these limits."""

        def held(given: int, most: int | None) -> int:
            return given if most is None else min(given, most)

        recall_items = held(derived.recall_items, self.recall_items)
        return replace(
            derived,
            turn_tokens=held(derived.turn_tokens, self.turn_tokens),
            output_tokens=held(derived.output_tokens, self.output_tokens),
            recall_items=recall_items,
            asks_memory=derived.asks_memory and recall_items > 0,
        )


NOTHING_SAID = Policy()

_known: dict[UUID, tuple[float, Policy]] = {}
_changes = 0


def remembered(tenant_id: UUID) -> Policy | None:
    """What this process knows, for the event loop; None: read it on a thread."""
    known = _known.get(tenant_id)
    return known[1] if known and monotonic_s() - known[0] < KNOWN_FOR_S else None


def of_tenant(scope: Scope) -> Policy:
    """The tenant's policy, remembered or read now. Not for the event loop."""
    return remembered(scope.tenant_id) or read(scope)


def read(scope: Scope) -> Policy:
    """The tenant's policy, and from now on remembered."""
    changes = _changes
    with unit_of_work(scope):
        policy = _policy(TurnPolicy.objects.first())
    # What was read while a change was told may be older than it.
    if changes == _changes:
        if len(_known) >= KEPT:
            _known.clear()
        _known[scope.tenant_id] = (monotonic_s(), policy)
    return policy


def see_policy(actor: Actor) -> Policy:
    """What is set (tenant admins). Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        return _policy(TurnPolicy.objects.first())


def set_policy(actor: Actor, policy: Policy) -> Policy:
    """Set all of it, from the next turn on (tenant admins); audited without the instructions.

    Raises: Forbidden, Unprocessable (findings by pointer), UnstorableText, PrivacyNotInstalled.
    """
    tenant_id = actor.scope.tenant_id
    with unit_of_work(actor.scope):
        require(actor, "tenant.administrate")
        _check(policy)
        if policy.redacts:
            require_installed()
        values = asdict(policy) | {"updated_at": now()}
        before = _recorded(_policy(TurnPolicy.objects.first()))
        TurnPolicy.objects.bulk_create(
            [TurnPolicy(tenant_id=tenant_id, **values)],
            update_conflicts=True,
            unique_fields=["tenant_id"],
            update_fields=list(values),
        )
        audit(actor, "policy.changed", "tenant", tenant_id, before, _recorded(policy))
    _forget(tenant_id)
    BUS.get().publish(TOPIC, {"tenant": str(tenant_id)})
    return policy


async def follow_policies() -> None:
    """Hear of every change from now on; once, in the process's own loop."""

    def heard(payload: Payload) -> None:
        _forget(UUID(str(payload["tenant"])))

    await BUS.get().listen(TOPIC, heard)


def _forget(tenant_id: UUID) -> None:
    global _changes  # noqa: PLW0603
    _changes += 1
    _known.pop(tenant_id, None)


def _policy(row: TurnPolicy | None) -> Policy:
    if row is None:
        return NOTHING_SAID
    return Policy(
        instructions=row.instructions,
        shares=row.shares,
        turn_tokens=row.turn_tokens,
        output_tokens=row.output_tokens,
        recall_items=row.recall_items,
        tool_limit=row.tool_limit,
        redacts=row.redacts,
    )


def _check(policy: Policy) -> None:
    checked(policy.instructions, "/instructions")
    errors = []
    if policy.shares is not None:
        whole = sum(policy.shares.values())
        if set(policy.shares) != set(LANES) or min(policy.shares.values()) < 0:
            errors.append({"pointer": "/shares", "detail": "names each lane once, none below 0"})
        elif whole != 100:
            errors.append({"pointer": "/shares", "detail": f"add up to {whole}, not to 100"})
    bounds = {
        "turn_tokens": (LEAST_TURN_TOKENS, MOST_TOKENS),
        "output_tokens": (LEAST_OUTPUT_TOKENS, MOST_TOKENS),
        "recall_items": (0, MOST_RECALL_ITEMS),
        "tool_limit": (0, TOOL_LIMIT),
    }
    for name, (least, most) in bounds.items():
        value = getattr(policy, name)
        if value is not None and not least <= value <= most:
            errors.append({"pointer": f"/{name}", "detail": f"{least:,} to {most:,}"})
    if errors:
        said = " ".join(f"{one['pointer'][1:]}: {one['detail']}." for one in errors)
        raise Unprocessable(f"Nothing was changed. {said}", errors=errors)


def _recorded(policy: Policy) -> dict[str, Any]:
    """What the audit log keeps; instructions are content, so only their length."""
    return asdict(policy) | {"instructions": len(policy.instructions)}
