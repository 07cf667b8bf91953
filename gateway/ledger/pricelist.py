"""LiteLLM's public table of prices, read from its package without importing the library.

A starting point for models without a price of their own. Prices there are dollars a token, as
floats; here they become whole micro-dollars a million tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from gateway.ledger.metrics import MICRO

FILE = "model_prices_and_context_window_backup.json"
# What the table puts before the names of a kind's models, where it differs from the kind.
PREFIXES = {"openai": "", "anthropic": "", "gemini": "gemini/", "openai-compatible": ""}
HIGHEST_MICROS = 10**12


@dataclass(frozen=True, slots=True)
class Listed:
    """A price of the table: micro-dollars for a million tokens."""

    input_micros: int
    cached_micros: int
    output_micros: int


def read_table() -> Mapping[str, Any]:
    """The table as it is in the package; empty where it is missing."""
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        table: dict[str, Any] = orjson.loads((Path(spec.origin).parent / FILE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return table


def entry_of(table: Mapping[str, Any], kind: str, model: str) -> Mapping[str, Any] | None:
    """What the table says of a model at providers of `kind`."""
    prefix = PREFIXES.get(kind, f"{kind}/")
    entry = table.get(prefix + model) or table.get(f"{kind}/{model}")
    return entry if isinstance(entry, Mapping) else None


def listed(entry: Mapping[str, Any]) -> Listed | None:
    """The price of an entry; None when it has none that is sane."""
    # Models of speech are paid by the second or by the character.
    by = ("input_cost_per_token", "input_cost_per_second", "input_cost_per_character")
    asked = _micros(next((entry[name] for name in by if name in entry), None))
    told = _micros(entry.get("output_cost_per_token", 0))
    if asked is None or told is None:
        return None
    cached = _micros(entry.get("cache_read_input_token_cost"))
    return Listed(asked, asked if cached is None else cached, told)


def _micros(dollars_a_token: object) -> int | None:
    try:
        micros = Decimal(str(dollars_a_token)) * MICRO * MICRO
        if not 0 <= micros <= HIGHEST_MICROS:
            return None
        return int(micros.to_integral_value(ROUND_HALF_UP))
    except InvalidOperation:
        return None
