"""Filter, score, pick. Pure: the same inputs and seed give the same choice.

A candidate that is left out is told with the reason and is never picked. Health leaves a model out
only while another one fits: when all that fit are resting, the best of them is tried all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from uuid import UUID

from gateway.ledger.metrics import Tokens, cost_micros, rate_at
from gateway.ports import Endpoint
from gateway.routing.bandit import Arm, explored
from gateway.routing.rules import Goal, Rules
from gateway.traits import TIERS

TEXT = frozenset({"text"})
# What counts how much, by goal: price, time to the first token, tier, health.
WEIGHTS: Mapping[Goal, tuple[float, float, float, float]] = {
    "cost": (0.70, 0.10, 0.05, 0.15),
    "latency": (0.10, 0.70, 0.05, 0.15),
    "quality": (0.05, 0.05, 0.75, 0.15),
    "balanced": (0.30, 0.30, 0.25, 0.15),
}
# Of a model that nothing was seen of yet.
UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Need:
    """What a call asks of a model. Tokens: estimates, of the prompt and of the longest answer.

    `is_small`: a small model is wanted (titles). `stays_home`: never a model outside.
    """

    capabilities: frozenset[str] = TEXT
    input_tokens: int = 0
    output_tokens: int = 0
    is_small: bool = False
    stays_home: bool = False

    def coarse(self) -> "Need":
        """The same with counts rounded up by an eighth at most, so that like calls are one."""
        return Need(
            self.capabilities, _coarse(self.input_tokens), _coarse(self.output_tokens),
            self.is_small, self.stays_home,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model fares. `latency_ms`: to the first token; None: not seen yet."""

    is_resting: bool = False
    cools_down: bool = False
    latency_ms: float | None = None
    error_rate: float = 0.0


WELL = Standing()


@dataclass(frozen=True, slots=True)
class Limits:
    """Who may use what. `allowed`: ids; None: all. `key_models`: names of a key; empty: all.

    `most_micros`: what the budgets have left for a call, as far as it is known; what is dearer is
    left out while something else fits, so that a budget that is empty refuses by itself.
    """

    allowed: frozenset[UUID] | None = None
    key_models: frozenset[str] = frozenset()
    most_micros: int | None = None


@dataclass(slots=True)
class Weighed:
    """A candidate with its score, or with the reason why it was left out."""

    model_id: UUID
    label: str
    cost_micros: int
    score: float | None = None
    left_out: str = ""


Fit = tuple[Weighed, Endpoint, Standing]


@dataclass(frozen=True, slots=True)
class Choice:
    """Models in the order in which they are asked; empty: none fits."""

    plan: tuple[UUID, ...]
    reason: str


def label_of(endpoint: Endpoint) -> str:
    """Its name for people: "<provider>/<model>"."""
    return f"{endpoint.provider_name}/{endpoint.model}"


def weigh(
    need: Need,
    endpoints: Sequence[Endpoint],
    rules: Rules,
    standings: Mapping[UUID, Standing],
    limits: Limits,
    at: datetime,
    named: frozenset[UUID] = frozenset(),
) -> list[Weighed]:
    """Every candidate, the best first; those that are left out last.

    `endpoints`: in the order of the catalogue. `named`: asked for by name, so that what we believe
    of their abilities and health does not count; what they may cost and who may use them does.
    """
    tokens = Tokens(need.input_tokens, need.output_tokens)
    found: list[Weighed] = []
    fit: list[Fit] = []
    for endpoint in endpoints:
        if endpoint.model_id is None:
            continue
        cost = cost_micros(rate_at(endpoint.rates, at), tokens)
        one = Weighed(endpoint.model_id, label_of(endpoint), cost)
        one.left_out = _left_out(need, endpoint, rules, limits, one, endpoint.model_id in named)
        found.append(one)
        if not one.left_out:
            fit.append((one, endpoint, standings.get(endpoint.model_id, WELL)))
    fit = _payable(_healthy(fit, named), limits.most_micros)
    if rules.small_errands and need.is_small:
        fit = _small(fit)
    _score(fit, rules)
    return sorted(found, key=lambda one: (one.score is None, -(one.score or 0.0)))


def pick(
    weighed: Sequence[Weighed],
    rules: Rules,
    seed: int,
    *,
    named: Sequence[UUID] = (),
    sticky_to: UUID | None = None,
    arms: Mapping[UUID, Arm] | None = None,
) -> Choice:
    """Whom to ask first, and whom then. `seed`: of the draw; `arms`: what the bandit learned."""
    scores = {one.model_id: one.score for one in weighed if one.score is not None}
    if not scores:
        return Choice((), "no model fits")
    order = list(scores)
    for asked in named:
        if asked in scores:
            return _first(order, asked, "asked for by name")
    if sticky_to in scores:
        return _first(order, sticky_to, "the same model as before in this conversation")
    drawn = Random(seed)  # noqa: S311  # a draw, not a secret
    point = drawn.random() * 100
    for share in rules.split:
        if 0 <= point < share.percent and share.model_id in scores:
            return _first(order, share.model_id, f"A/B split: {share.percent} % of the calls")
        point -= share.percent
    if rules.learns:
        return Choice(tuple(explored(scores, arms or {}, drawn)), "drawn by what was learned")
    reason = {
        "order": "the first in order that fits",
        "cost": "the best score, for cost",
        "latency": "the best score, for speed",
        "quality": "the best score, for quality",
        "balanced": "the best score, balanced",
    }[rules.goal]
    return Choice(tuple(order), reason)


def _first(order: list[UUID], one: UUID, reason: str) -> Choice:
    return Choice((one, *(other for other in order if other != one)), reason)


def _left_out(
    need: Need, endpoint: Endpoint, rules: Rules, limits: Limits, one: Weighed, is_named: bool
) -> str:
    """Why a model may not be asked; empty: it may."""
    refused = not_theirs(need, endpoint, rules, limits) or _too_dear(endpoint, rules, one)
    if refused or is_named:
        return refused
    able = endpoint.traits.capabilities
    if not need.capabilities <= able:
        return f"cannot: {', '.join(sorted(need.capabilities - able))}"
    if endpoint.window and need.input_tokens >= endpoint.window:
        return f"reads {endpoint.window:,} tokens at most"
    return ""


def not_theirs(need: Need, endpoint: Endpoint, rules: Rules, limits: Limits) -> str:
    """Why what is asked must not be shown to a model; empty: it may."""
    if limits.allowed is not None and endpoint.model_id not in limits.allowed:
        return "not allowed to this organisation"
    if limits.key_models and not limits.key_models & {endpoint.model, label_of(endpoint)}:
        return "not allowed to this key"
    if need.stays_home and not endpoint.self_hosted:
        return "outside: this must stay on own machines"
    if rules.self_hosted_only and not endpoint.self_hosted:
        return "outside: only own machines are allowed"
    if rules.regions and endpoint.traits.region not in rules.regions:
        return f"in the region {endpoint.traits.region or 'unknown'}"
    return ""


def _too_dear(endpoint: Endpoint, rules: Rules, one: Weighed) -> str:
    tier = endpoint.traits.tier
    if rules.max_tier is not None and TIERS.index(tier) > TIERS.index(rules.max_tier):
        return f"tier {tier}, above {rules.max_tier}"
    if rules.max_call_micros is not None and one.cost_micros > rules.max_call_micros:
        return "dearer than a call may be"
    return ""


def _healthy(fit: list[Fit], named: frozenset[UUID]) -> list[Fit]:
    well = [
        entry
        for entry in fit
        if entry[0].model_id in named or not (entry[2].is_resting or entry[2].cools_down)
    ]
    if not well:
        return fit
    kept = {entry[0].model_id for entry in well}
    for one, _, standing in fit:
        if one.model_id not in kept:
            one.left_out = (
                "resting after failures"
                if standing.is_resting
                else "cooling down: its limit is reached"
            )
    return well


def _payable(fit: list[Fit], most_micros: int | None) -> list[Fit]:
    """What the budget may pay, if anything."""
    if most_micros is None:
        return fit
    payable = [entry for entry in fit if entry[0].cost_micros <= most_micros]
    if not payable:
        return fit
    for one, _, _ in fit:
        if one.cost_micros > most_micros:
            one.left_out = "dearer than what the budget has left"
    return payable


def _small(
    fit: list[Fit],
) -> list[Fit]:
    """Only small models, if there is one."""
    small = [entry for entry in fit if entry[1].traits.tier == TIERS[0]]
    if not small:
        return fit
    for one, endpoint, _ in fit:
        if endpoint.traits.tier != TIERS[0]:
            one.left_out = "not small, for a small task"
    return small


def _score(fit: list[Fit], rules: Rules) -> None:
    """Scores from 0 to 1."""
    if rules.goal == "order":
        places = {model_id: place for place, model_id in enumerate(rules.order)}
        ranked = sorted(fit, key=lambda entry: places.get(entry[0].model_id, len(places)))
        for place, (one, _, _) in enumerate(ranked):
            one.score = round(1.0 - place / len(ranked), 4)
        return
    weights = WEIGHTS[rules.goal]
    cheapest = min((one.cost_micros for one, _, _ in fit), default=0)
    seen = [standing.latency_ms for _, _, standing in fit if standing.latency_ms is not None]
    fastest = max(1.0, min(seen, default=1.0))
    for one, endpoint, standing in fit:
        latency_ms = standing.latency_ms
        parts = (
            (cheapest + 1) / (one.cost_micros + 1),
            UNKNOWN if latency_ms is None else fastest / max(fastest, latency_ms),
            TIERS.index(endpoint.traits.tier) / (len(TIERS) - 1),
            1.0 - standing.error_rate,
        )
        score = sum(weight * part for weight, part in zip(weights, parts, strict=True))
        one.score = round(score, 4)


def _coarse(tokens: int) -> int:
    """Rounded up to one of eight steps between powers of two."""
    step = 1 << max(0, tokens.bit_length() - 4)
    return -(-tokens // step) * step
