"""What an agent's three knobs mean for a turn. Pure.

Intelligence 1-10, autonomy 1-10 and dollars a turn, each cut into four bands; a band is a row of
settings. Source: the knob tables of the platform's design (docs/decisions/0005-governed-turn.md
lists the bands and where ours differ). A band starts at its lower bound: 0.10 dollars are the
second one.
"""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Tier = Literal["budget", "standard", "premium", "flagship"]
Approval = Literal["every", "dangerous", "none"]
Egress = Literal["none", "allowlist", "extended", "unrestricted"]

LEAST, MOST = 1, 10
MOST_USD = Decimal(1000)
_TIERS: tuple[Tier, ...] = ("budget", "standard", "premium", "flagship")
_KNOB_STARTS = (4, 7, 9)
_USD_STARTS = (Decimal("0.10"), Decimal("0.50"), Decimal(2))
_TEMPERATURES = (0.3, 0.7, 0.8, 0.9)
_OUTPUT_TOKENS = (512, 2048, 4096, 8192)
_RECALL_ITEMS = (5, 15, 25, 50)
_APPROVALS: tuple[Approval, ...] = ("every", "dangerous", "none", "none")
_EGRESS: tuple[Egress, ...] = ("none", "allowlist", "extended", "unrestricted")
_TURN_TOKENS = (1_000, 10_000, 50_000, 100_000)


@dataclass(frozen=True, slots=True)
class Knobs:
    """How an agent is set: 1..10, 1..10, dollars a turn."""

    intelligence: int = 5
    autonomy: int = 5
    resource_usd: Decimal = Decimal("0.50")


@dataclass(frozen=True, slots=True)
class Derived:
    """What the knobs give a turn.

    `output_tokens`: limit of the answer. `turn_tokens`: limit of prompt and answer together.
    `asks_memory`: whether past conversations are recalled at all. `asks_person`: whether a person
    confirms what the agent does.
    """

    temperature: float
    output_tokens: int
    recall_items: int
    asks_memory: bool
    model_tier: Tier
    asks_person: bool
    tool_approval: Approval
    egress: Egress
    turn_tokens: int
    cost_tier: Tier


def derive(knobs: Knobs) -> Derived:
    """Return the settings of these knobs; values outside their range count as its end."""
    wit = bisect_right(_KNOB_STARTS, knobs.intelligence)
    freedom = bisect_right(_KNOB_STARTS, knobs.autonomy)
    money = bisect_right(_USD_STARTS, knobs.resource_usd)
    return Derived(
        temperature=_TEMPERATURES[wit],
        output_tokens=_OUTPUT_TOKENS[wit],
        recall_items=_RECALL_ITEMS[wit],
        asks_memory=wit > 0,
        model_tier=_TIERS[wit],
        asks_person=freedom == 0,
        tool_approval=_APPROVALS[freedom],
        egress=_EGRESS[freedom],
        turn_tokens=_TURN_TOKENS[money],
        cost_tier=_TIERS[money],
    )
