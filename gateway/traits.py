"""What a model can do, how good and dear it is, where it runs. Pure; data and guesses by name.

A row that says nothing of its model goes by these guesses; what an administrator says, or what was
taken from LiteLLM's public table, counts more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Capability = Literal["text", "vision", "audio", "tools", "json_schema", "reasoning"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
Tier = Literal["budget", "standard", "premium", "flagship"]
# Rising.
TIERS: tuple[Tier, ...] = get_args(Tier)
# What most servers of chat models take, where nothing is known of one.
USUAL: frozenset[str] = frozenset({"text", "tools"})
# Highest price of a million tokens out, in micro-dollars, by tier; beyond them: flagship.
TIER_PRICES: tuple[tuple[Tier, int], ...] = (
    ("budget", 2_000_000),
    ("standard", 10_000_000),
    ("premium", 30_000_000),
)
# The first match counts: "gpt-4.1-mini" is small before it is a "gpt-4".
_TIERS: tuple[tuple[str, Tier], ...] = (
    (r"(?<!ge)mini|nano|haiku|flash|lite|small|tiny|\bphi|(?<!\d)[1-9]b\b", "budget"),
    (r"opus|gpt-5|\bo[13]\b|-pro\b|405b", "flagship"),
    (r"sonnet|gpt-4|large|reasoner|\br1\b|-plus\b", "premium"),
)
_ABLE: tuple[tuple[str, Capability], ...] = (
    (r"gpt-4o|gpt-4\.1|gpt-5|claude|gemini|vision|llava|pixtral|-vl\b", "vision"),
    (r"gpt-|claude|gemini|mistral|deepseek|qwen", "json_schema"),
    (r"audio|gemini|voxtral|whisper|transcri|speech|\btts", "audio"),
    (r"reasoner|\br1\b|\bo[1345]\b|gpt-5|claude-\w+-4|gemini-2\.5|thinking|qwq", "reasoning"),
)
_LISTED: tuple[tuple[str, Capability], ...] = (
    ("supports_vision", "vision"),
    ("supports_audio_input", "audio"),
    ("supports_function_calling", "tools"),
    ("supports_response_schema", "json_schema"),
    ("supports_reasoning", "reasoning"),
)


@dataclass(frozen=True, slots=True)
class Traits:
    """`region`: as its administrators name it ("eu", "us-east"); empty: nobody said."""

    capabilities: frozenset[str] = USUAL
    tier: Tier = "standard"
    region: str = ""


@dataclass(frozen=True, slots=True)
class ListedTraits:
    """What the public table says of a model. Tokens; 0: it does not say."""

    capabilities: frozenset[str]
    tier: Tier | None
    window: int
    output_limit: int


def guessed(name: str) -> Traits:
    """What is probably true of a model, by its name."""
    name = name.lower()
    able = USUAL.union(more for sign, more in _ABLE if re.search(sign, name))
    tiers: list[Tier] = [tier for sign, tier in _TIERS if re.search(sign, name)]
    return Traits(able, tiers[0] if tiers else "standard")


def traits_of(name: str, capabilities: list[str] | None, tier: str, region: str) -> Traits:
    """What is said of a model, and guessed where nothing is said."""
    guess = guessed(name)
    known = next((one for one in TIERS if one == tier), guess.tier)
    able = guess.capabilities if capabilities is None else frozenset(capabilities)
    return Traits(able, known, region)


def tier_by_price(output_micros: int) -> Tier:
    """The tier that a price of a million tokens out speaks for."""
    return next((tier for tier, most in TIER_PRICES if output_micros <= most), "flagship")


def listed_traits(entry: Mapping[str, Any], output_micros: int | None) -> ListedTraits:
    """From an entry of LiteLLM's table; `output_micros`: its price, where it has one."""
    able = {"text", *(name for sign, name in _LISTED if entry.get(sign) is True)}
    tier = None if output_micros is None else tier_by_price(output_micros)
    return ListedTraits(
        frozenset(able),
        tier,
        _tokens(entry.get("max_input_tokens") or entry.get("max_tokens")),
        _tokens(entry.get("max_output_tokens")),
    )


def _tokens(value: object) -> int:
    return value if isinstance(value, int) and 0 < value <= 100_000_000 else 0
