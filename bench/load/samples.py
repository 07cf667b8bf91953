"""What one turn looked like to its client."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

PATIENCE_S = 120.0


@dataclass(slots=True)
class Sample:
    """One turn. Times are milliseconds after it was sent; `fault`: what was wrong, if anything."""

    began_at: float
    first_ms: float | None = None
    total_ms: float | None = None
    frames: int = 0
    fault: str | None = None
    # What the answer said that it went without.
    degraded: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For the raw samples."""
        return asdict(self)


class Speaker(Protocol):
    """One connection that can ask for an answer: the product's socket, or the bare upstream."""

    async def turn(self, content: str, expected: str) -> Sample:
        """Ask and wait for the end; a wrong answer is a fault, not an exception."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def words(count: int) -> str:
    """What the simulator answers with `count` tokens."""
    return "".join(f"word{number} " for number in range(count))


def elapsed_ms(since: float) -> float:
    """Milliseconds since a `time.perf_counter()`."""
    return (time.perf_counter() - since) * 1000


async def patiently(end: Awaitable[None], sample: Sample) -> None:
    """Wait for the end of a turn; silence becomes a fault."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await end
    except TimeoutError:
        sample.fault = f"no end within {PATIENCE_S:.0f} s"
