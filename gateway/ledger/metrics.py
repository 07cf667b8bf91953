"""What is counted, in which unit, and what tokens cost. Pure.

Every amount is an integer of micro-units: a millionth of a dollar, of a token, of a call, of a
minute of speech.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Metric = Literal["usd", "tokens", "api_calls", "voice_minutes"]
METRICS: tuple[Metric, ...] = get_args(Metric)
MICRO = 1_000_000
UNLIMITED = -1
# Read aloud: 150 words of six characters.
CHARACTERS_A_MINUTE = 900

# What is summed of calls.
USAGE_SUMS = (
    "calls", "failures", "estimated", "input_tokens", "cached_tokens", "output_tokens",
    "audio_seconds", "characters", "cost_micros",
)  # fmt: skip

Amounts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Rate:
    """Micro-dollars for a million tokens, from a moment on.

    Of a model that is not paid by tokens: for a million seconds heard, or characters spoken.
    """

    valid_from: datetime
    input_micros: int
    cached_micros: int
    output_micros: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call used. `cached`: of the input, what the provider had cached.

    `audio_seconds`: of a recording. `characters`: of a text that was spoken.
    """

    input: int
    output: int
    cached: int = 0
    audio_seconds: int = 0
    characters: int = 0


def rate_at(rates: Sequence[Rate], at: datetime) -> Rate | None:
    """The rate that holds at `at`; None when none does. `rates`: newest first."""
    return next((rate for rate in rates if rate.valid_from <= at), None)


def cost_micros(rate: Rate | None, tokens: Tokens) -> int:
    """Micro-dollars, rounded up once; 0 where no price is known."""
    if rate is None:
        return 0
    cached = min(tokens.cached, tokens.input)
    scaled = (
        (tokens.input - cached) * rate.input_micros
        + cached * rate.cached_micros
        + tokens.output * rate.output_micros
        + (tokens.audio_seconds + tokens.characters) * rate.input_micros
    )
    return -(-scaled // MICRO)


def amounts(cost: int, tokens: Tokens) -> Amounts:
    """What a call takes of each metric."""
    found = {"usd": cost, "tokens": (tokens.input + tokens.output) * MICRO, "api_calls": MICRO}
    if tokens.audio_seconds or tokens.characters:
        heard = -(-tokens.audio_seconds * MICRO // 60)
        found["voice_minutes"] = heard - (-tokens.characters * MICRO // CHARACTERS_A_MINUTE)
    return found
