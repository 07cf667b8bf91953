"""What a tenant, or the platform for all of them, wants of the choice of models. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args
from uuid import UUID

from gateway.traits import TIERS, Tier

Goal = Literal["order", "cost", "latency", "quality", "balanced"]
GOALS: tuple[Goal, ...] = get_args(Goal)
# What is done when a model failed before its first token: ask the next one, the next at another
# provider, the next that reads longer prompts, or nobody.
Act = Literal["next", "elsewhere", "larger", "stop"]
ACTS: tuple[Act, ...] = get_args(Act)

# By the code of the problem; a code that is not here stops.
FALLBACKS: Mapping[str, Act] = {
    "model-timeout": "next",
    "model-unreachable": "next",
    "model-server-error": "next",
    "model-bad-response": "next",
    "model-resting": "next",
    "model-not-found": "next",
    "model-rate-limited": "next",
    "model-auth-failed": "next",
    "model-credit-exhausted": "next",
    "context-too-long": "larger",
    "content-refused": "stop",
    "model-rejected-request": "stop",
}
ERRANDS = frozenset({"errand"})


@dataclass(frozen=True, slots=True)
class Share:
    """So many per cent of the calls are given to a model."""

    model_id: UUID
    percent: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How models are chosen. What is None or empty limits nothing.

    `order`: models that come first, for the goal "order". `max_call_micros`: micro-dollars that a
    call may cost at most by its estimate. `fallbacks`: by code of the problem, over `FALLBACKS`.
    `learns`: a bandit may prefer models that did better. `small_errands`: titles and summaries go
    to a model of the tier budget. `attempt_s`, `overall_s`: seconds to the first token.
    """

    goal: Goal = "order"
    order: tuple[UUID, ...] = ()
    max_tier: Tier | None = None
    max_call_micros: int | None = None
    regions: tuple[str, ...] = ()
    self_hosted_only: bool = False
    fallbacks: Mapping[str, Act] = field(default_factory=dict)
    sticky: bool = False
    learns: bool = False
    small_errands: bool = True
    attempt_s: float | None = None
    overall_s: float | None = None
    split: tuple[Share, ...] = ()
    shadow: Share | None = None

    def act_on(self, code: str) -> Act:
        """What is done after a failure with that code."""
        return self.fallbacks.get(code) or FALLBACKS.get(code, "stop")

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            **asdict(self),
            "order": [str(one) for one in self.order],
            "regions": list(self.regions),
            "fallbacks": dict(self.fallbacks),
            "split": [_share_json(one) for one in self.split],
            "shadow": _share_json(self.shadow) if self.shadow else None,
        }


# What only the platform may say: it pays for the shadows.
OF_PLATFORM_ONLY = ("shadow",)


def rules_of(stored: Mapping[str, Any]) -> Rules:
    """From what is stored; names that are unknown by now are left out."""
    known = {name: stored[name] for name in Rules.__dataclass_fields__ if name in stored}
    if "order" in known:
        known["order"] = tuple(UUID(str(one)) for one in known["order"])
    if "regions" in known:
        known["regions"] = tuple(known["regions"])
    if "split" in known:
        known["split"] = tuple(_share(one) for one in known["split"])
    if known.get("shadow"):
        known["shadow"] = _share(known["shadow"])
    return Rules(**known)


def bound(own: Rules | None, platform: Rules) -> Rules:
    """A tenant's rules within the platform's limits; the platform's where it has none."""
    if own is None:
        return platform
    tiers = [TIERS.index(one) for one in (own.max_tier, platform.max_tier) if one]
    caps = [one for one in (own.max_call_micros, platform.max_call_micros) if one is not None]
    regions = own.regions
    if platform.regions:
        within = tuple(one for one in own.regions if one in platform.regions)
        # Nothing in common: then nothing may be chosen, which an impossible region says.
        regions = within if own.regions else platform.regions
        regions = regions or ("-",)
    return replace(
        own,
        max_tier=TIERS[min(tiers)] if tiers else None,
        max_call_micros=min(caps, default=None),
        regions=regions,
        self_hosted_only=own.self_hosted_only or platform.self_hosted_only,
        shadow=own.shadow or platform.shadow,
    )


def _share(stored: Mapping[str, Any]) -> Share:
    return Share(UUID(str(stored["model_id"])), int(stored["percent"]))


def _share_json(share: Share) -> dict[str, Any]:
    return {"model_id": str(share.model_id), "percent": share.percent}
