"""How the models fare, as this process sees it: time to the first token, failures, rate limits.

Means are exponentially weighted. Decisions go by what was told of a model, which follows its means
when they are far off: else noise would make every decision anew. A provider that says when it takes
requests again is left alone until then, by every process: it is told over the bus. `version`
changes whenever a decision could come out otherwise, and only then.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import log2
from uuid import UUID

from gateway.errors import ModelError, ModelRateLimited
from gateway.routing.engine import Standing
from kernel.bus.ports import BUS, Payload
from kernel.clock import monotonic_s, now
from kernel.errands import beside

WEIGHT = 0.2
COOL_S, LONGEST_COOL_S = 5.0, 600.0
# Whoever has been told that a model rests is not told again for less.
LONGER_S = 1.0
TOPIC = "gateway.cooling"
MOST = 2_000
# How far a mean is off: by half of what was told and more than anybody notices; a twentieth.
FAR_PART, NOTICED_MS, FAR_ERRORS = 0.5, 20.0, 0.05
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


@dataclass(slots=True)
class Pulse:
    """Of one model. `told`: what decisions go by. `cool_until`: monotonic seconds."""

    latency_ms: float | None = None
    error_rate: float = 0.0
    told_ms: float | None = None
    told_errors: float = 0.0
    cool_until: float = 0.0

    def tell(self) -> bool:
        """Tell what is known if that is far from what was told; whether it was."""
        known, told = self.latency_ms, self.told_ms
        is_far = abs(self.error_rate - self.told_errors) >= FAR_ERRORS
        if known is not None:
            is_far |= told is None or abs(known - told) > max(NOTICED_MS, told * FAR_PART)
        if is_far:
            self.told_ms, self.told_errors = known, self.error_rate
        return is_far


class Pulses:
    """Pulses by model. `clock`: monotonic seconds. `tell`: other processes that a model rests."""

    def __init__(
        self,
        clock: Callable[[], float] = monotonic_s,
        tell: Callable[[UUID, float], None] | None = None,
    ) -> None:
        self._clock, self._tell = clock, tell
        self._pulses: dict[UUID, Pulse] = {}
        self._cooling: dict[UUID, float] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """Changes with what decisions go by."""
        moment = self._clock()
        for model_id in [one for one, until in self._cooling.items() if until <= moment]:
            del self._cooling[model_id]
            self._version += 1
        return self._version

    def touch(self) -> None:
        """Something else that decisions go by changed (a breaker)."""
        self._version += 1

    def answered(self, model_id: UUID | None, first_token_ms: float) -> None:
        """A model began to answer."""
        if (pulse := self._pulse(model_id)) is None:
            return
        known = pulse.latency_ms
        pulse.latency_ms = (
            first_token_ms if known is None else known + WEIGHT * (first_token_ms - known)
        )
        pulse.error_rate *= 1 - WEIGHT
        self._version += pulse.tell()

    def failed(self, model_id: UUID | None, error: ModelError) -> None:
        """A model failed; one that asks to be left alone is."""
        if (pulse := self._pulse(model_id)) is None:
            return
        if isinstance(error, ModelRateLimited):
            self.cool(model_id, error.retry_after or COOL_S)
        if not error.counts_against_model:
            return
        pulse.error_rate += WEIGHT * (1 - pulse.error_rate)
        self._version += pulse.tell()

    def learned(self, model_id: UUID | None, headers: Mapping[str, str]) -> None:
        """What a provider's headers say of its limits: nothing left means waiting."""
        wait_s = wait_of(headers, now())
        if wait_s is not None and model_id is not None:
            self.cool(model_id, wait_s)

    def cool(self, model_id: UUID | None, seconds: float) -> None:
        """Leave the model alone for that long, here and in the other processes."""
        if self.rest(model_id, seconds) and self._tell is not None and model_id is not None:
            self._tell(model_id, seconds)

    def rest(self, model_id: UUID | None, seconds: float) -> bool:
        """The same here only; whether it is news."""
        if (pulse := self._pulse(model_id)) is None or model_id is None:
            return False
        until = self._clock() + min(seconds, LONGEST_COOL_S)
        is_news = until > pulse.cool_until + LONGER_S
        pulse.cool_until = self._cooling[model_id] = until
        self._version += is_news
        return is_news

    def standing(self, model_id: UUID, *, is_resting: bool) -> Standing:
        """How it stands now."""
        pulse = self._pulses.get(model_id)
        if pulse is None:
            return Standing(is_resting=is_resting)
        return Standing(
            is_resting, pulse.cool_until > self._clock(), pulse.told_ms, pulse.told_errors
        )

    def _pulse(self, model_id: UUID | None) -> Pulse | None:
        if model_id is None:
            return None
        pulse = self._pulses.get(model_id)
        if pulse is None:
            if len(self._pulses) >= MOST:
                self._pulses.clear()
            pulse = self._pulses[model_id] = Pulse()
        return pulse


def bucket(standing: Standing) -> tuple[bool, bool, int, int]:
    """The same for standings that are alike: half powers of two, twentieths."""
    known = standing.latency_ms
    latency = 0 if known is None else 1 + int(2 * log2(max(1.0, known)))
    return standing.is_resting, standing.cools_down, latency, int(standing.error_rate * 20)


def wait_of(headers: Mapping[str, str], at: datetime) -> float | None:
    """Seconds until requests are taken again, when none are left now; else None.

    Reads OpenAI's `x-ratelimit-*` (durations as "6m0s") and Anthropic's `anthropic-ratelimit-*`
    (RFC 3339 times).
    """
    waits: list[float] = []
    for what in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{what}") == "0":
            waits.append(_seconds(headers.get(f"x-ratelimit-reset-{what}", "")) or COOL_S)
        if headers.get(f"anthropic-ratelimit-{what}-remaining") == "0":
            reset = _moment(headers.get(f"anthropic-ratelimit-{what}-reset", ""))
            waits.append(COOL_S if reset is None else max(0.0, (reset - at).total_seconds()))
    return max(waits, default=None)


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        found = _DURATION.fullmatch(text.strip())
    if found is None or not found.group(0):
        return None
    hours, minutes, seconds, millis = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + millis / 1000


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _tell_others(model_id: UUID, seconds: float) -> None:
    """Nobody waits for it; a message that is lost costs one refusal elsewhere."""
    beside(BUS.get().apublish(TOPIC, {"model": str(model_id), "seconds": seconds}))


async def follow_cooling() -> None:
    """Hear of models that other processes leave alone; once, in the process's own loop."""

    def heard(payload: Payload) -> None:
        if "model" in payload:
            PULSES.rest(UUID(payload["model"]), float(payload["seconds"]))

    await BUS.get().listen(TOPIC, heard)


PULSES = Pulses(tell=_tell_others)
