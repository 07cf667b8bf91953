"""Splits a model's window into lanes. Pure and total.

Shares of the window in per cent (normal / degraded / rescue): system 15/70/100, history 25/0/0,
memory 25/10/0, buffer 5/20/0; what belongs to tools (30) stays free until there are tools. Order
in which free tokens flow on: the user's message, the system text, then history and memory halved.
Source: the lane table of the platform's design; minimums 200 system, 50 memory, 200 buffer tokens.
"""

from dataclasses import dataclass
from typing import Literal

from chat.errors import MessageExceedsModel

Level = Literal["normal", "degraded"]

MIN_SYSTEM, MIN_MEMORY, MIN_BUFFER = 200, 50, 200
# Chat formats wrap each message in a few tokens of their own.
OVERHEAD_PER_MESSAGE = 8
SHARES: dict[Level, dict[str, float]] = {
    "normal": {"system": 0.15, "history": 0.25, "memory": 0.25, "buffer": 0.05},
    "degraded": {"system": 0.70, "history": 0.0, "memory": 0.10, "buffer": 0.20},
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the model can take, in tokens."""

    window: int
    output: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """Tokens a lane may use. The sum of lanes and `output` never exceeds the window."""

    level: Level
    system: int
    history: int
    memory: int
    buffer: int
    output: int

    @property
    def total(self) -> int:
        """Tokens of all lanes, without the answer's."""
        return self.system + self.history + self.memory + self.buffer


def plan(limits: Limits, *, system_tokens: int, message_tokens: int, level: Level) -> Allowance:
    """Split the window for one turn.

    `system_tokens`, `message_tokens`: what those two lanes need. The message is never cut: when it
    does not fit beside the minimums, the turn is refused before any call.
    Raises: MessageExceedsModel {window, needed}.
    """
    output = max(1, min(limits.output, limits.window // 2))
    room = limits.window - output
    floor = min(system_tokens, MIN_SYSTEM)
    if message_tokens + floor > room:
        raise MessageExceedsModel(
            f"It needs about {message_tokens} tokens; this model has room for "
            f"{max(0, room - floor)}. Nothing was lost: shorten it, or "
            "choose a model with a larger window.",
            window=limits.window,
            needed=message_tokens,
        )
    buffer = max(message_tokens, min(MIN_BUFFER, room // 4, room - floor))
    room -= buffer
    share = SHARES[level]
    system = min(system_tokens, max(floor, int(limits.window * share["system"])), room)
    room -= system
    memory = min(max(MIN_MEMORY, int(limits.window * share["memory"])), room)
    room -= memory
    history = min(int(limits.window * share["history"]), room)
    room -= history
    # What nobody claimed: the rest of the system text first, then history and memory in halves.
    more_system = min(system_tokens - system, room)
    room -= more_system
    if level == "normal":
        history += room - room // 2
        memory += room // 2
    return Allowance(level, system + more_system, history, memory, buffer, output)
