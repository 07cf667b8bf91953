"""What every turn of an agent begins with: its system text and its tools, counted once.

The text is the tenant's own (the same for all of its agents) and the agent's. Kept per agent until
one of its sources is another; nothing here asks a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from chat.turns.context import Count, Tool
from chat.turns.governor import OVERHEAD_PER_MESSAGE

if TYPE_CHECKING:
    from gateway.facade import ToolSpec

# Agents whose prelude this process keeps; beyond it, all are made anew as they are needed.
KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Prelude:
    """`tools`: of the same order as `specs`."""

    system: str
    system_tokens: int
    specs: Sequence[ToolSpec] = ()
    tools: Sequence[Tool] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What a prelude is made of: the tenant's text, the agent's, its tools, how tokens count."""

    policy: str
    instructions: str
    specs: tuple[ToolSpec, ...]
    count: Count


_kept: dict[UUID, tuple[Source, Prelude]] = {}


def prelude_of(agent_id: UUID, source: Source) -> Prelude:
    """The prelude as it was made before, or made now."""
    kept = _kept.get(agent_id)
    if kept is not None and kept[0] == source:
        return kept[1]
    if len(_kept) >= KEPT:
        _kept.clear()
    made = make(source)
    _kept[agent_id] = (source, made)
    return made


def make(source: Source) -> Prelude:
    """Join the texts, write out the definitions and count both."""
    system = "\n\n".join(text for text in (source.policy, source.instructions) if text)
    tools = [
        Tool(spec.name, source.count(_definition(spec)) + OVERHEAD_PER_MESSAGE)
        for spec in source.specs
    ]
    return Prelude(system, source.count(system), source.specs, tools)


def _definition(spec: ToolSpec) -> str:
    """About as it is sent, whatever the provider."""
    return orjson.dumps([spec.name, spec.description, dict(spec.parameters)]).decode()
