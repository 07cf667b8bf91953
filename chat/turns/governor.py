"""Splits a model's window into lanes. Pure and total.

The answer's own limit comes first; what is left is shared out in per cent:

    lane          normal  degraded  rescue   minimum
    system            15        70     100       200
    history           25         0       0         -
    memory            25        10       0        50 (not in rescue)
    tools             20         0       0         -
    tool_results      10         0       0         -
    buffer             5        20       0       200 (the person's message, never cut)

Where the message or a minimum needs more than its share, history gives first, then tool results,
tools, memory and the system text, down to their minimums. Tokens that a lane does not need flow on
in this order: the system text, tools, tool results, then history and memory in halves, and what one
of them leaves to the other. In a rescue nothing flows: system text and message alone. A tenant may
set other shares for the normal level (`Rules`); minimums and the refusal hold for any of them.
Source: the lane table of the platform's design (docs/decisions/0005-governed-turn.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from chat.errors import MessageExceedsModel

Level = Literal["normal", "degraded", "rescue"]
Lane = Literal["system", "history", "memory", "tools", "tool_results", "buffer"]

LANES: tuple[Lane, ...] = get_args(Lane)
MIN_SYSTEM, MIN_MEMORY, MIN_BUFFER = 200, 50, 200
# An answer shorter than this, or than an eighth of the window, is not worth asking for.
MIN_OUTPUT = 32
# Chat formats wrap each message in a few tokens of their own.
OVERHEAD_PER_MESSAGE = 8
TOOL_LIMIT = 10
SHARES: dict[Level, dict[Lane, int]] = {
    "normal": {
        "system": 15,
        "history": 25,
        "memory": 25,
        "tools": 20,
        "tool_results": 10,
        "buffer": 5,
    },
    "degraded": {
        "system": 70,
        "history": 0,
        "memory": 10,
        "tools": 0,
        "tool_results": 0,
        "buffer": 20,
    },
    "rescue": {
        "system": 100,
        "history": 0,
        "memory": 0,
        "tools": 0,
        "tool_results": 0,
        "buffer": 0,
    },
}
# Who has no room for a message, and what helps.
_NARROW = {
    "model": ("this model has room for", "choose a model with a larger window"),
    "budget": (
        "what this agent may spend on a turn has room for",
        "give the agent more for a turn",
    ),
    "tenant": (
        "what your organisation allows for a turn has room for",
        "ask an administrator to allow more",
    ),
}
_GIVES: tuple[Lane, ...] = ("history", "tool_results", "tools", "memory", "system")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a turn may take, in tokens.

    `window`: prompt and answer together. `output`: the answer. `bound_by`: whether the model, the
    agent's budget or the tenant's own limit is the narrowest; a refusal names it.
    """

    window: int
    output: int
    bound_by: Literal["model", "budget", "tenant"] = "model"


@dataclass(frozen=True, slots=True)
class Health:
    """What a turn may count on: whether `memory` and `model` are there, and all that tools need."""

    memory: bool = True
    model: bool = True
    tools: bool = False

    @property
    def level(self) -> Level:
        """The level of a turn: when neither answers, one last try with the least."""
        if self.memory:
            return "normal"
        return "degraded" if self.model else "rescue"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a tenant may set. `shares`: of the normal level, per cent, 100 together."""

    shares: Mapping[Lane, int] = field(default_factory=lambda: SHARES["normal"])
    tool_limit: int = TOOL_LIMIT


@dataclass(frozen=True, slots=True)
class Needs:
    """What the lanes could use, in tokens. None: as much as there is."""

    system: int
    message: int
    history: int | None = None
    memory: int | None = None
    tools: int = 0
    tool_results: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """Tokens a lane may use. The sum of lanes and `output` never exceeds the window."""

    level: Level
    system: int
    history: int
    memory: int
    tools: int
    tool_results: int
    buffer: int
    output: int
    tool_limit: int = 0

    @property
    def tools_enabled(self) -> bool:
        """Whether the model may be offered tools."""
        return self.tool_limit > 0

    @property
    def total(self) -> int:
        """Tokens of all lanes, without the answer's."""
        return sum(self.lanes.values())

    @property
    def lanes(self) -> dict[Lane, int]:
        """The lanes by name."""
        return {
            "system": self.system,
            "history": self.history,
            "memory": self.memory,
            "tools": self.tools,
            "tool_results": self.tool_results,
            "buffer": self.buffer,
        }


STANDARD = Rules()


def plan(
    limits: Limits,
    needs: Needs,
    level: Level,
    *,
    tools_healthy: bool = False,
    rules: Rules = STANDARD,
) -> Allowance:
    """Split the window for one turn.

    `tools_healthy`: every service that tools need is there. `rules`: of the tenant. The message is
    never cut: when it does not fit beside the minimums, the turn is refused before any call.
    Raises: MessageExceedsModel {window, needed}.
    """
    least = _minimums(level)
    message = max(needs.message, least["buffer"])
    spare = limits.window - (sum(least.values()) - least["buffer"]) - message
    shortest = max(1, min(limits.output, max(MIN_OUTPUT, limits.window // 8)))
    if spare < shortest:
        raise _refusal(limits, needs, spare - shortest)
    output = min(spare, max(shortest, min(limits.output, limits.window // 2)))
    room = limits.window - output
    shares = rules.shares if level == "normal" else SHARES[level]
    lanes: dict[Lane, int] = {
        lane: max(least.get(lane, 0), room * shares[lane] // 100) for lane in LANES
    }
    lanes["buffer"] = max(lanes["buffer"], message)
    _shrink(lanes, least, room)
    tool_limit = rules.tool_limit if tools_healthy and level == "normal" else 0
    if not tool_limit:
        lanes["tools"] = lanes["tool_results"] = 0
    if level != "rescue":
        _flow(lanes, least, needs, room, tools_enabled=tool_limit > 0)
    return Allowance(level=level, output=output, tool_limit=tool_limit, **lanes)


def _minimums(level: Level) -> dict[Lane, int]:
    memory = 0 if level == "rescue" else MIN_MEMORY
    return {"system": MIN_SYSTEM, "memory": memory, "buffer": MIN_BUFFER}


def _shrink(lanes: dict[Lane, int], least: dict[Lane, int], room: int) -> None:
    """Take what exceeds the room from the lanes that give."""
    excess = sum(lanes.values()) - room
    for lane in _GIVES:
        given = min(max(0, excess), lanes[lane] - least.get(lane, 0))
        lanes[lane] -= given
        excess -= given


def _flow(
    lanes: dict[Lane, int],
    least: dict[Lane, int],
    needs: Needs,
    room: int,
    *,
    tools_enabled: bool,
) -> None:
    """Let tokens that a lane does not need flow on."""
    wanted: dict[Lane, int] = {
        "system": needs.system,
        "tools": needs.tools if tools_enabled else 0,
        "tool_results": needs.tool_results if tools_enabled else 0,
        "history": room if needs.history is None else needs.history,
        "memory": room if needs.memory is None else needs.memory,
        "buffer": needs.message,
    }
    for lane, tokens in wanted.items():
        lanes[lane] = min(lanes[lane], max(tokens, least.get(lane, 0)))
    free = room - sum(lanes.values())

    def give(lane: Lane, at_most: int) -> int:
        given = max(0, min(at_most, wanted[lane] - lanes[lane]))
        lanes[lane] += given
        return given

    for lane in ("system", "tools", "tool_results"):
        free -= give(lane, free)
    free -= give("memory", free // 2)
    free -= give("history", free)
    give("memory", free)


def _refusal(limits: Limits, needs: Needs, missing: int) -> MessageExceedsModel:
    room = max(0, needs.message + missing)
    whose, cure = _NARROW[limits.bound_by]
    return MessageExceedsModel(
        f"It needs about {needs.message} tokens; {whose} {room}. "
        f"Nothing was lost: shorten it, or {cure}.",
        window=limits.window,
        needed=needs.message,
    )
