"""From a committed turn to what its model is asked: limits, recall, plan, prompt.

Holds no state and touches no row itself; what a turn is refused for is found out before anything
is asked.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError

from chat.policy import Policy
from chat.privacy.hiding import hide
from chat.privacy.placeholders import Restorer
from chat.turns import context, governor, summaries
from chat.turns.context import Context, Count, Parts
from chat.turns.knobs import Derived
from chat.turns.opening import Opened
from chat.turns.phases import phase
from chat.turns.prelude import Prelude, Source, prelude_of
from gateway.facade import (
    Endpoint,
    Message,
    ModelRequest,
    Timeouts,
    ToolSpec,
    bound_tokens,
    counter_of,
    is_estimated,
    is_self_hosted,
)
from kernel.db import in_unit
from memory.facade import DEGRADED_MEMORY, MemoryScope, Recalled, RecallResult, recall

# Conversations up to this length are in the prompt and need not be recalled as well.
WHOLE_HISTORY_MESSAGES = 30
# The reason that a turn carries whose prompt was cut down to the question.
DEGRADED_SESSION = "session"

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a turn is held to: the tenant's policy, what the knobs give, and what is healthy."""

    policy: Policy
    derived: Derived
    health: governor.Health

    @property
    def recall_items(self) -> int:
        """How many memories may be asked for; 0: memory is not asked."""
        held = self.policy.bound(self.derived)
        return held.recall_items if held.asks_memory else 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a prompt is built from. `summary`: None also where it was not needed."""

    opened: Opened
    endpoint: Endpoint
    terms: Terms
    specs: tuple[ToolSpec, ...]
    found: RecallResult
    summary: summaries.Summarised | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a model is asked, and what went in. `restorer`: puts back what was hidden."""

    request: ModelRequest
    built: Context
    degraded: tuple[str, ...]
    restorer: Restorer | None = None


async def gather(
    opened: Opened, endpoint: Endpoint, terms: Terms, specs: tuple[ToolSpec, ...] = ()
) -> Gathered:
    """Ask memory, and beside it for the summary where the conversation may have no room.

    Raises: MessageExceedsModel, before anything is asked.
    """
    summary = None
    if await _counting(endpoint, _holds_all, opened, endpoint, terms, specs):
        found = await ask_memory(opened, terms)
    else:
        found, summary = await asyncio.gather(ask_memory(opened, terms), _summary_of(opened))
    return Gathered(opened, endpoint, terms, specs, found, summary)


async def build(gathered: Gathered, *, is_bounded: bool = False) -> Prepared:
    """Plan and build. `is_bounded`: with counts that are certainly not too small.

    Raises: MessageExceedsModel, PrivacyNotInstalled.
    """
    if gathered.terms.policy.redacts and not is_self_hosted(gathered.endpoint):
        return await asyncio.to_thread(_build_hidden, gathered, is_bounded=is_bounded)
    if is_bounded:
        return _build(gathered, bound_tokens)
    return await _counting(gathered.endpoint, _build_counted, gathered)


def _build_counted(gathered: Gathered) -> Prepared:
    return _build(gathered, counter_of(gathered.endpoint))


def _build_hidden(gathered: Gathered, *, is_bounded: bool) -> Prepared:
    """Without personal data; a placeholder may be longer than what it stands for."""
    count = bound_tokens if is_bounded else counter_of(gathered.endpoint)
    kept_free = 0
    while True:
        prepared = _build(gathered, count, kept_free)
        request, restorer = hide(prepared.request)
        grown = _tokens(request, count) - _tokens(prepared.request, count)
        if grown <= kept_free:
            return replace(prepared, request=request, restorer=restorer)
        kept_free = grown


def _tokens(request: ModelRequest, count: Count) -> int:
    return sum(count(message.text) for message in request.messages)


def _build(gathered: Gathered, count: Count, kept_free: int = 0) -> Prepared:
    """`kept_free`: tokens of the window that are left for what comes later."""
    opened, terms, found = gathered.opened, gathered.terms, gathered.found
    policy, summary = terms.policy, gathered.summary
    prelude = _prelude(opened, terms, gathered.specs, count)
    parts = replace(
        _parts(opened, prelude),
        remembered=[_remembered(item) for item in found.items],
        summary=summary.text if summary else "",
        summary_upto=summary.upto_seq if summary else 0,
    )
    level = terms.health.level
    if level == "normal" and found.degraded:
        # What recall has found out just now; one late answer of memory is no reason for a rescue.
        level = "degraded"
    with phase("plan"):
        sizes = context.measure(parts, count)
        limits = limits_of(gathered.endpoint, terms)
        allowance = governor.plan(
            replace(limits, window=limits.window - kept_free),
            sizes.needs(policy.tool_limit),
            level,
            tools_healthy=terms.health.tools,
            rules=policy.rules,
        )
    with phase("context"):
        built = context.build(allowance, parts, sizes, count)
    cut_down = (DEGRADED_SESSION,) if level == "rescue" and parts.history else ()
    request = ModelRequest(
        model=gathered.endpoint.model,
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
    return Prepared(request, built, found.degraded + cut_down)


async def _counting(
    endpoint: Endpoint, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Here where tokens are estimated; on a thread where a tokenizer takes its time."""
    if is_estimated(endpoint):
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


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
    scope = MemoryScope(opened.scope.tenant_id, opened.user_id, opened.agent_id)
    # The prompt of a short conversation holds all of it anyway.
    is_whole = not is_all_there_is and opened.message_seq <= WHOLE_HISTORY_MESSAGES
    with phase("recall"):
        return await recall(
            scope,
            opened.question,
            limit=limit,
            exclude_conversation_id=UUID(opened.turn.conversation_id) if is_whole else None,
            exclude_turn_ids=[UUID(opened.turn.id)],
            timeout_s=settings.SOMA.recall_deadline_ms / 1000,
        )


def limits_of(endpoint: Endpoint, terms: Terms) -> governor.Limits:
    """The narrowest of what the model can take, the agent may spend and the tenant allows."""
    policy, derived = terms.policy, terms.derived
    output = min(endpoint.output_limit, policy.bound(derived).output_tokens)
    limits = governor.Limits(endpoint.window, output)
    if derived.turn_tokens < limits.window:
        limits = replace(limits, window=derived.turn_tokens, bound_by="budget")
    if policy.turn_tokens is not None and policy.turn_tokens < limits.window:
        limits = replace(limits, window=policy.turn_tokens, bound_by="tenant")
    return limits


def _prelude(opened: Opened, terms: Terms, specs: tuple[ToolSpec, ...], count: Count) -> Prelude:
    source = Source(terms.policy.instructions, opened.instructions, specs, count)
    return prelude_of(opened.agent_id, source)


def _parts(opened: Opened, prelude: Prelude) -> Parts:
    return Parts(
        system=prelude.system,
        system_tokens=prelude.system_tokens,
        history=opened.earlier,
        remembered=(),
        message=opened.question,
        tools=prelude.tools,
    )


def _holds_all(
    opened: Opened, endpoint: Endpoint, terms: Terms, specs: tuple[ToolSpec, ...]
) -> bool:
    """Whether every earlier message has room, however much memory finds."""
    count, rules = counter_of(endpoint), terms.policy.rules
    parts = _parts(opened, _prelude(opened, terms, specs, count))
    needs = replace(context.measure(parts, count).needs(rules.tool_limit), memory=None)
    limits = limits_of(endpoint, terms)
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
