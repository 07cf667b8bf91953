"""Choosing a model for a call, and following the call until it ends.

`routed` is the one way in, for chat turns and `/v1` alike: it collects what the pure engine goes
by, asks the cache before the engine, draws, and gives a `Route`: whom to ask, whom next after which
failure, how long to wait. When the call ends the route is written down.
"""

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from hashlib import blake2b
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from gateway.catalogue import Snapshot
from gateway.errors import BudgetExhausted, ModelError, NoModelConfigured
from gateway.ledger.rules import NOBODY, Caller
from gateway.ledger.terms import TERMS
from gateway.parts import Timeouts
from gateway.ports import Endpoint
from gateway.router import MODELS
from gateway.routing.bandit import reward
from gateway.routing.cache import DecisionCache
from gateway.routing.engine import (
    Limits,
    Need,
    Standing,
    Weighed,
    label_of,
    not_theirs,
    pick,
    weigh,
)
from gateway.routing.log import DECISIONS, UNFAILED, Lesson
from gateway.routing.policies import RULES, Known
from gateway.routing.rules import ERRANDS, Rules
from gateway.routing.standing import PULSES, bucket
from kernel.clock import monotonic_s, now
from kernel.errands import beside
from kernel.remembered import Kept
from kernel.text import scrubbed
from kernel.valkey import async_client

AUTO, DEFAULT = "auto", "default"
MODELS_TRIED = 3
# Two models may each take their time.
OVERALL = 2
# With another model at hand, one that has to be waited for longer is not asked again.
RETRY_S = 1.0
# For how long a refusal of the budget is remembered.
POOR_S = 1.0
STICKY = "soma:route:sticky:"
STICKY_S = 86_400

CACHE = DecisionCache()
# What a payer could not pay a moment ago, less one micro-unit.
_poor: Kept[tuple[UUID, ...], int] = Kept(POOR_S)


class NoModelFits(NoModelConfigured):
    """There are models, but none of them may or can take this call."""

    code, title = "no-model-fits", "No model may be used for this"

    def __init__(self, weighed: Sequence[Weighed]) -> None:
        super().__init__(why_none(weighed))
        # Nothing else stands against them than that others may use them.
        self.is_forbidden = all(one.left_out.startswith("not allowed") for one in weighed)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call asks for. `named`: models that were named, best first; they are honoured if they
    are allowed. `only_named`: no other one answers for them. `affinity`: what belongs together.
    """

    need: Need = field(default_factory=Need)
    asked: str = AUTO
    named: tuple[UUID, ...] = ()
    only_named: bool = False
    affinity: str = ""
    key_models: frozenset[str] = frozenset()


@dataclass(slots=True)
class Route:
    """The models of a call in the order of asking, and what became of them."""

    caller: Caller
    kind: str
    wish: Wish
    rules: Rules
    weighed: list[Weighed]
    plan: list[Endpoint]
    reason: str
    from_cache: bool
    shadow: Endpoint | None = None
    _began_s: float = field(default_factory=monotonic_s)
    _asked_s: float = field(default_factory=monotonic_s)
    _place: int = 0
    _tokens: int = 0
    _attempts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def endpoint(self) -> Endpoint:
        """The model that is asked now."""
        return self.plan[self._place]

    @property
    def failures(self) -> list[str]:
        """Who failed before, and why."""
        return [f"{one['model']}: {one['code']}" for one in self._attempts]

    def begin(self, caller: Caller, tokens: int) -> None:
        """From the first model on, for a prompt and answer of that size; a turn may ask twice."""
        self.caller, self._tokens = caller, tokens
        self._place, self._attempts = 0, []
        self._began_s = self._asked_s = monotonic_s()

    def timeouts(self, given: Timeouts) -> Timeouts:
        """Deadlines of the present attempt."""
        attempt_s = self.rules.attempt_s or given.first_token_s
        first_token_s = max(0.1, min(attempt_s, self._left_s(given)))
        # Where another model can answer, nobody waits for this one.
        retry_s = RETRY_S if self._rest() else given.retry_s
        return replace(given, first_token_s=first_token_s, retry_s=retry_s)

    def give_way(self, error: ModelError | BudgetExhausted, given: Timeouts) -> bool:
        """Go on to the model that comes next after this failure; false: there is none."""
        failed = self.endpoint
        if isinstance(error, BudgetExhausted):
            cost = self._cost(failed)
            _poor.keep(_payer(self.caller), cost - 1, _poor.stamp())
        following = next((one for one in self._rest() if self._may_follow(one, error)), None)
        if following is None or len(self._attempts) + 1 >= MODELS_TRIED or self._left_s(given) <= 0:
            return False
        self._note(failed, error.code)
        self._place = self.plan.index(following)
        self._asked_s = monotonic_s()
        return True

    def ended(self, call_id: UUID, outcome: str, first_token_ms: int | None = None) -> None:
        """Write down what was decided and what became of it. `outcome`: see `Decision`."""
        caller, need, first = self.caller, self.wish.need, self.plan[0]
        is_ok = outcome == "ok"
        if outcome not in UNFAILED:
            self._note(self.endpoint, outcome)
        row = {
            "call_id": call_id,
            "kind": self.kind,
            "at": now(),
            "user_id": caller.user_id,
            "agent_id": caller.agent_id,
            "key_id": caller.key_id,
            "asked": scrubbed(self.wish.asked)[:200],
            "need": {
                "capabilities": sorted(need.capabilities),
                "input_tokens": need.input_tokens,
                "output_tokens": need.output_tokens,
            },
            "model_id": first.model_id or NOBODY,
            "model": label_of(first)[:300],
            "reason": self.reason,
            "candidates": as_json(self.weighed),
            "from_cache": self.from_cache,
            "attempts": self._attempts,
            "outcome": outcome,
            "answered": label_of(self.endpoint)[:300] if outcome in {"ok", "cached"} else "",
            "first_token_ms": first_token_ms,
            "shadow": label_of(self.shadow)[:300] if self.shadow else "",
        }
        DECISIONS.keep(caller.tenant_id, row, self._lesson(outcome, first_token_ms))
        if is_ok and self.rules.sticky and self.wish.affinity:
            _stick(caller.tenant_id, self.wish.affinity, self.endpoint)

    def _lesson(self, outcome: str, first_token_ms: int | None) -> Lesson | None:
        model_id = self.endpoint.model_id
        if not self.rules.learns or outcome in {"cancelled", "cached"} or model_id is None:
            return None
        cheapest = min((o.cost_micros for o in self.weighed if o.score is not None), default=0)
        part = (cheapest + 1) / (self._cost(self.endpoint) + 1)
        value = reward(is_ok=outcome == "ok", first_token_ms=first_token_ms, cost_part=part)
        return Lesson(self.caller.tenant_id, model_id, value)

    def _note(self, endpoint: Endpoint, code: str) -> None:
        took_ms = int((monotonic_s() - self._asked_s) * 1000)
        self._attempts.append({"model": label_of(endpoint), "code": code, "ms": took_ms})

    def _left_s(self, given: Timeouts) -> float:
        overall_s = self.rules.overall_s or OVERALL * given.first_token_s
        return overall_s - (monotonic_s() - self._began_s)

    def _rest(self) -> list[Endpoint]:
        return self.plan[self._place + 1 :]

    def _may_follow(self, other: Endpoint, error: ModelError | BudgetExhausted) -> bool:
        failed, first = self.endpoint, self.plan[0]
        # What was meant for a model of one's own, and not redacted, must not leave the house.
        if first.self_hosted and not other.self_hosted:
            return False
        # A prompt that was made for the first one's window.
        if other.window < min(self._tokens, first.window):
            return False
        if isinstance(error, BudgetExhausted):
            return self._cost(other) < self._cost(failed)
        match self.rules.act_on(error.code):
            case "next":
                return True
            case "elsewhere":
                return other.provider_id != failed.provider_id
            case "larger":
                return other.window > failed.window
            case "stop":
                return False

    def _cost(self, endpoint: Endpoint) -> int:
        return next(o.cost_micros for o in self.weighed if o.model_id == endpoint.model_id)


async def routed(caller: Caller, kind: str, wish: Wish) -> Route:
    """The models for a call. Raises: NoModelFits, NoModelConfigured."""
    snapshot = await MODELS.get().snapshot()
    if not snapshot.endpoints:
        raise NoModelConfigured("A platform admin can add one on the page Models.")
    terms, known = await TERMS.get(caller.tenant_id), await RULES.get(caller.tenant_id)
    limits = Limits(terms.allowed_models, wish.key_models, _poor.get(_payer(caller)))
    rules, need = known.rules, wish.need.coarse()
    asked = [snapshot.endpoints[one] for one in wish.named if one in snapshot.endpoints]
    if asked and all(one.self_hosted for one in asked):
        # What was meant for a model of one's own must not leave the house.
        need = replace(need, stays_home=True)
    weighed, from_cache = await weighed_now(need, wish, known, snapshot, limits)
    if kind in ERRANDS and rules.small_errands:
        usual = pick(weighed, rules, 0, named=wish.named).plan
        stays = need.stays_home or (bool(usual) and snapshot.endpoints[usual[0]].self_hosted)
        need = replace(need, is_small=True, stays_home=stays)
        weighed, from_cache = await weighed_now(need, wish, known, snapshot, limits)
    seed = _hash(wish.affinity) if wish.affinity else random.getrandbits(64)
    choice = pick(
        weighed,
        rules,
        seed,
        named=wish.named,
        sticky_to=await _stuck(caller.tenant_id, wish.affinity) if rules.sticky else None,
        arms=await DECISIONS.arms(caller.tenant_id) if rules.learns else None,
    )
    plan = [snapshot.endpoints[one] for one in choice.plan]
    if not plan:
        raise NoModelFits(weighed)
    shadow = _shadow(need, rules, plan[0], snapshot, limits)
    return Route(caller, kind, wish, rules, weighed, plan, choice.reason, from_cache, shadow)


async def weighed_now(
    need: Need, wish: Wish, known: Known, snapshot: Snapshot, limits: Limits
) -> tuple[list[Weighed], bool]:
    """Every candidate, and whether that was known already."""
    named = frozenset(wish.named)
    here = (need, known.digest, limits, named, wish.only_named, snapshot.digest, PULSES.version)
    if (found := CACHE.get(here)) is not None:
        return found, True
    endpoints = list(snapshot.endpoints.values())
    if wish.only_named:
        endpoints = [one for one in endpoints if one.model_id in named]
    standings = standings_of(endpoints)
    everywhere = _plain(here[:-1]), _plain(standings)
    weighed = await CACHE.shared(everywhere)
    is_known = weighed is not None
    if weighed is None:
        weighed = weigh(need, endpoints, known.rules, standings, limits, now(), named)
        beside(CACHE.share(everywhere, weighed))
    CACHE.put(here, weighed)
    return weighed, is_known


def why_none(weighed: Sequence[Weighed]) -> str:
    """In words: why each candidate was left out."""
    reasons = Counter(one.left_out for one in weighed)
    told = "; ".join(f"{count} of them {reason}" for reason, count in reasons.most_common(5))
    return f"Left out: {told}." if told else "The catalogue has none of that name."


def standings_of(endpoints: Sequence[Endpoint]) -> dict[UUID, Standing]:
    """How each model fares now, by breakers and by what was seen."""
    router = MODELS.get()
    return {
        one.model_id: PULSES.standing(one.model_id, is_resting=router.is_resting(one))
        for one in endpoints
        if one.model_id is not None
    }


def as_json(weighed: Sequence[Weighed]) -> list[dict[str, Any]]:
    """As `Decision.candidates` keeps them."""
    return [{"model": o.label, "score": o.score, "left_out": o.left_out} for o in weighed]


def _shadow(
    need: Need, rules: Rules, first: Endpoint, snapshot: Snapshot, limits: Limits
) -> Endpoint | None:
    """The model that is asked the same, unseen, if this call is drawn for it."""
    share = rules.shadow
    if share is None or random.random() * 100 >= share.percent:  # noqa: S311  # a draw, not a secret
        return None
    other = snapshot.endpoints.get(share.model_id)
    if other is None or other.model_id == first.model_id:
        return None
    need = replace(need, stays_home=need.stays_home or first.self_hosted)
    return None if not_theirs(need, other, rules, limits) else other


def _payer(caller: Caller) -> tuple[UUID, ...]:
    return (caller.tenant_id, caller.user_id, caller.agent_id, caller.key_id)


def _stick(tenant_id: UUID, affinity: str, endpoint: Endpoint) -> None:
    """Remember who answered."""

    async def write() -> None:
        with suppress(RedisError):
            name = f"{STICKY}{tenant_id}:{_hash(affinity):x}"
            await async_client().set(name, str(endpoint.model_id), ex=STICKY_S)

    beside(write())


async def _stuck(tenant_id: UUID, affinity: str) -> UUID | None:
    """Who answered before."""
    if not affinity:
        return None
    try:
        found = await async_client().get(f"{STICKY}{tenant_id}:{_hash(affinity):x}")
    except RedisError:
        return None
    return UUID(bytes.decode(found)) if isinstance(found, bytes) else None


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _plain(value: object) -> str:
    """The same text for the same value in every process: sets have no order of their own."""
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(_plain, value)))}}}"
    if isinstance(value, tuple):
        return f"({','.join(map(_plain, value))})"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_plain(one)}' for key, one in value.items())}}}"
    if isinstance(value, Standing):
        return repr(bucket(value))
    if is_dataclass(value):
        return _plain(tuple(getattr(value, one.name) for one in fields(value)))
    return repr(value)
