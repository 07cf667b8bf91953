"""From a committed turn to what its model is asked: limits, recall, plan, prompt.

Holds no state and touches no row itself; what a turn is refused for is found out before anything
is asked.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from prometheus_client import Histogram

from chat.policy import Policy
from chat.turns import context, governor, summaries
from chat.turns.context import Context, Parts
from chat.turns.knobs import Derived
from chat.turns.opening import Opened
from chat.turns.prelude import Prelude, Source, prelude_of
from gateway.facade import (
    Endpoint,
    Message,
    ModelRequest,
    Timeouts,
    ToolSpec,
    estimate_tokens,
)
from kernel.clock import monotonic_s
from kernel.db import in_unit
from memory.facade import DEGRADED_MEMORY, MemoryScope, Recalled, RecallResult, recall

# Conversations up to this length are in the prompt and need not be recalled as well.
WHOLE_HISTORY_MESSAGES = 30
# The reason that a turn carries whose prompt was cut down to the question.
DEGRADED_SESSION = "session"

phase = Histogram(
    "soma_turn_phase_seconds",
    "Time of each phase of a turn",
    ["phase"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a turn is held to: the tenant's policy, what the knobs give, and what is healthy."""

    policy: Policy
    derived: Derived
    health: governor.Health

    @property
    def recall_items(self) -> int:
        """How many memories may be asked for; 0: memory is not asked."""
        if not self.derived.asks_memory:
            return 0
        most = self.policy.recall_items
        return self.derived.recall_items if most is None else min(most, self.derived.recall_items)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a model is asked, and what that was made of. `summary`: when one was looked up."""

    request: ModelRequest
    found: RecallResult
    built: Context
    degraded: tuple[str, ...]
    summary: summaries.Summarised | None


async def prepare(
    opened: Opened, endpoint: Endpoint, terms: Terms, specs: tuple[ToolSpec, ...] = ()
) -> Prepared:
    """Ask memory, plan and build. Raises: MessageExceedsModel, before anything is asked."""
    policy, health = terms.policy, terms.health
    source = Source(policy.instructions, opened.instructions, specs, estimate_tokens)
    prelude = prelude_of(opened.agent_id, source)
    limits = limits_of(endpoint, terms)
    parts = _parts(opened, prelude)
    if _holds_all(parts, limits, policy.rules):
        found, summary = await ask_memory(opened, terms), None
    else:
        found, summary = await asyncio.gather(ask_memory(opened, terms), _summary_of(opened))
    started = monotonic_s()
    parts = replace(
        parts,
        remembered=[_remembered(item) for item in found.items],
        summary=summary.text if summary else "",
        summary_upto=summary.upto_seq if summary else 0,
    )
    # What was known before, or what recall has found out just now.
    health = replace(health, memory=health.memory and not found.degraded)
    sizes = context.measure(parts, estimate_tokens)
    allowance = governor.plan(
        limits,
        sizes.needs(policy.tool_limit),
        health.level,
        tools_healthy=health.tools,
        rules=policy.rules,
    )
    built = context.build(allowance, parts, sizes, estimate_tokens)
    phase.labels("context").observe(monotonic_s() - started)
    cut_down = (DEGRADED_SESSION,) if health.level == "rescue" and parts.history else ()
    request = ModelRequest(
        model=endpoint.model,
        messages=tuple(Message.of_text(line.role, line.text) for line in built.lines),
        max_output_tokens=allowance.output,
        temperature=terms.derived.temperature,
        tools=tuple(prelude.specs[place] for place in built.tools),
        timeouts=Timeouts(
            first_token_s=settings.SOMA.model_first_token_s,
            idle_s=settings.SOMA.model_idle_s,
            total_s=settings.SOMA.model_total_s,
        ),
    )
    return Prepared(request, found, built, found.degraded + cut_down, summary)


async def ask_memory(
    opened: Opened, terms: Terms, *, is_all_there_is: bool = False
) -> RecallResult:
    """What memory has on the question. `is_all_there_is`: no model will answer."""
    if opened.question is None:
        return RecallResult()
    limit = terms.derived.recall_items if is_all_there_is else terms.recall_items
    if not limit:
        return RecallResult()
    if not terms.health.memory:
        # It would only be waited for: that memory is back is the monitor's to find out.
        return RecallResult(degraded=(DEGRADED_MEMORY,))
    started = monotonic_s()
    scope = MemoryScope(opened.scope.tenant_id, opened.user_id, opened.agent_id)
    # The prompt of a short conversation holds all of it anyway.
    is_whole = not is_all_there_is and opened.message_seq <= WHOLE_HISTORY_MESSAGES
    result = await recall(
        scope,
        opened.question,
        limit=limit,
        exclude_conversation_id=UUID(opened.turn.conversation_id) if is_whole else None,
        exclude_turn_ids=[UUID(opened.turn.id)],
        timeout_s=settings.SOMA.recall_deadline_ms / 1000,
    )
    phase.labels("recall").observe(monotonic_s() - started)
    return result


def limits_of(endpoint: Endpoint, terms: Terms) -> governor.Limits:
    """The narrowest of what the model can take, the agent may spend and the tenant allows."""
    policy, derived = terms.policy, terms.derived
    output = min(endpoint.output_limit, derived.output_tokens)
    limits = governor.Limits(endpoint.window, min(output, policy.output_tokens or output))
    if derived.turn_tokens < limits.window:
        limits = replace(limits, window=derived.turn_tokens, bound_by="budget")
    if policy.turn_tokens is not None and policy.turn_tokens < limits.window:
        limits = replace(limits, window=policy.turn_tokens, bound_by="tenant")
    return limits


def _parts(opened: Opened, prelude: Prelude) -> Parts:
    return Parts(
        system=prelude.system,
        system_tokens=prelude.system_tokens,
        history=opened.earlier,
        remembered=(),
        message=opened.question,
        tools=prelude.tools,
    )


def _holds_all(parts: Parts, limits: governor.Limits, rules: governor.Rules) -> bool:
    """Whether every earlier message has room, however much memory finds."""
    needs = replace(context.measure(parts, estimate_tokens).needs(), memory=None)
    allowance = governor.plan(limits, needs, "normal", tools_healthy=True, rules=rules)
    return allowance.history >= (needs.history or 0)


async def _summary_of(opened: Opened) -> summaries.Summarised | None:
    """The summary of what may have no room; None also while the database is away."""
    with suppress(DatabaseError):
        return await in_unit(
            summaries.latest,
            opened.scope,
            UUID(opened.turn.conversation_id),
            opened.lineage,
            opened.message_seq,
        )
    return None


def _remembered(item: Recalled) -> context.Remembered:
    return context.Remembered(item.text, item.said_at.date().isoformat(), item.speaker)
