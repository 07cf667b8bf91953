"""The asynchronous loop of a turn: recall, plan, prompt, model, frames, close.

Owns running turns of this process and their heartbeat. Never touches a row itself (`store` does,
on the unit pool) and never holds a transaction while a model works.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from contextvars import Context
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import structlog
from django.db import Error as DatabaseError
from prometheus_client import Counter

from chat import frames, policy
from chat.errors import MessageExceedsModel
from chat.frames import Done, RecalledView, rfc3339
from chat.privacy.hiding import restored
from chat.turns import context, knobs, preparing, store, stream, summaries, titles
from chat.turns.opening import Opened
from chat.turns.phases import paced, passed, phase
from chat.turns.preparing import DEGRADED_SESSION
from chat.turns.reaper import AnswerInterrupted, recalled_json
from chat.turns.standing import health_now
from chat.turns.store import EndState, Outcome
from gateway.facade import (
    Caller,
    ContentRefused,
    ContextTooLong,
    Finished,
    ModelError,
    Need,
    NoModelConfigured,
    Route,
    TextDelta,
    Usage,
    Wish,
    estimate_tokens,
    metered,
    routed,
)
from kernel.actor import Scope
from kernel.bus.ports import BUS
from kernel.clock import monotonic_s, now, unix_ns
from kernel.db import AWAY, DatabaseAway, in_unit
from kernel.errors import InternalError, SomaError
from kernel.ids import uuid7
from memory.facade import Recalled, RecallResult, answer_from_memory

BEAT_S = 1.0
# While the database is away, an accepted message waits this long to be answered, and a finished
# answer to be stored.
DATABASE_PATIENCE_S = 120.0
# By which models are compared in price, before the prompt is known.
USUAL_OUTPUT_TOKENS = 1_000
# Below this many seconds of gathering, waking up for each piece is cheap enough.
GATHER_FROM_S = 0.03

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger(__name__)

_turns = Counter("soma_turns_total", "Turns that ended", ["state"])
_tokens = Counter("soma_turn_tokens_total", "Tokens of turns", ["direction"])


@dataclass(slots=True)
class Progress:
    """What a running turn has gathered so far."""

    degraded: list[str] = field(default_factory=list)
    recalled: list[RecalledView] = field(default_factory=list)
    route: Route | None = None
    model: str = ""
    usage: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    left_out: Sequence[context.Said] = ()
    summary: summaries.Summarised | None = None
    first_token_at: datetime | None = None
    error: SomaError | None = None
    # By which the ledger knows what the model was asked.
    call_id: UUID | None = None

    @property
    def stored_usage(self) -> dict[str, Any] | None:
        """What the turn keeps, with the call by which the ledger is held against the turns."""
        return {**self.usage, "call_id": str(self.call_id)} if self.usage else None


class Runner:
    """The turns that run in this process."""

    def __init__(self) -> None:
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._stopping: dict[UUID, EndState] = {}
        # Turns whose outcome is being stored: from here on nothing may interrupt them, or their
        # readers would wait for the last frame for ever.
        self._closing: set[UUID] = set()
        self._beat: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()

    def launch(self, opened: Opened) -> None:
        """Start answering a committed turn; returns at once."""
        turn = opened.turn
        turn_id = UUID(turn.id)
        turn_log = stream.TurnLog(opened.scope, turn_id, turn.conversation_id, turn.message_id)
        stream.HUB.open(turn_log)
        task = asyncio.get_running_loop().create_task(
            self._run(opened, turn_log), name=f"turn-{turn_id}"
        )
        self._tasks[turn_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(turn_id, None))
        if self._beat is None or self._beat.done():
            # Not in the trace of the turn that happened to start it.
            self._beat = asyncio.get_running_loop().create_task(
                self._keep_alive(), context=Context()
            )

    def runs(self, turn_id: UUID) -> bool:
        """Whether the turn runs in this process."""
        return turn_id in self._tasks

    async def stop(self, turn_id: UUID, state: EndState = "cancelled") -> bool:
        """Stop a turn of this process and wait until it is closed. False when it is not here."""
        task = self._tasks.get(turn_id)
        if task is None:
            return False
        if turn_id not in self._closing:
            self._stopping.setdefault(turn_id, state)
            task.cancel()
        await asyncio.wait([task])
        return True

    async def stop_all(self) -> None:
        """Interrupt every turn, keeping its text (process shutdown)."""
        await asyncio.gather(*(self.stop(turn_id, "interrupted") for turn_id in list(self._tasks)))
        if self._errands:
            await asyncio.wait(self._errands, timeout=2.0)

    async def _run(self, opened: Opened, turn_log: stream.TurnLog) -> None:
        progress = Progress()
        state: EndState = "failed"
        with (
            structlog.contextvars.bound_contextvars(
                turn_id=opened.turn.id, tenant_id=str(opened.scope.tenant_id)
            ),
            phase("whole", turn_id=opened.turn.id),
        ):
            try:
                await self._answer(opened, turn_log, progress)
                state = "done"
            except asyncio.CancelledError:
                # Asked for by `stop`: the turn still has to be closed, so the request ends here.
                state = self._stopping.get(turn_log.turn_id, "interrupted")
                task = asyncio.current_task()
                if task is not None:
                    task.uncancel()
            except SomaError as exc:
                progress.error = exc
            except AWAY:
                progress.error = DatabaseAway("Your message is kept. Please try again later.")
            except Exception:
                log.exception("turn.failed")
                progress.error = InternalError("The cause is in our log under this turn's id.")
            self._closing.add(turn_log.turn_id)
            try:
                turn_log.flush()
                await self._close(opened, turn_log, progress, state)
            finally:
                self._closing.discard(turn_log.turn_id)
                self._stopping.pop(turn_log.turn_id, None)

    async def _answer(self, opened: Opened, turn_log: stream.TurnLog, progress: Progress) -> None:
        with suppress(NoModelConfigured):
            progress.route = await _patiently(partial(_routed, opened))
        said = policy.remembered(opened.scope.tenant_id)
        if said is None:
            said = await _in_patient_unit(policy.read, opened.scope)
        terms = preparing.Terms(said, knobs.derive(opened.knobs), health_now())
        if progress.route is None:
            found = await preparing.ask_memory(opened, terms, is_all_there_is=True)
            progress.degraded = list(found.degraded)
            self._rescue(opened, turn_log, progress, found, down=False)
            return
        endpoint = progress.route.endpoint
        gathered = await preparing.gather(opened, endpoint, terms)
        try:
            await self._ask(await preparing.build(gathered), gathered, turn_log, progress)
        except ContextTooLong as too_long:
            if progress.first_token_at is not None:
                raise
            log.warning("turn.counted_too_little", model=endpoint.model)
            try:
                smaller = await preparing.build(gathered, is_bounded=True)
            except MessageExceedsModel:
                raise too_long from None
            await self._ask(smaller, gathered, turn_log, progress)

    async def _ask(
        self,
        prepared: preparing.Prepared,
        gathered: preparing.Gathered,
        turn_log: stream.TurnLog,
        progress: Progress,
    ) -> None:
        """Stream the model's answer; what memory has, when no model answers."""
        found, built, endpoint = gathered.found, prepared.built, gathered.endpoint
        progress.degraded = list(prepared.degraded)
        # What had no room did not shape the answer, so the answer does not cite it.
        progress.recalled = [_view(found.items[place]) for place in built.remembered]
        progress.report = built.report.as_json()
        progress.summary = gathered.summary
        progress.left_out = () if DEGRADED_SESSION in prepared.degraded else built.left_out
        progress.model = endpoint.model
        if progress.degraded or progress.recalled:
            turn_log.note(progress.degraded, progress.recalled)
        progress.call_id = uuid7()
        assert progress.route is not None  # noqa: S101  # nothing is asked without one
        events = metered(
            _caller(gathered.opened), "chat", prepared.request, progress.route, progress.call_id
        )
        if prepared.restorer is not None:
            events = restored(events, prepared.restorer)
        try:
            await self._relay(events, turn_log, progress)
        except (ContextTooLong, ContentRefused):
            raise
        except ModelError as exc:
            # Before the first word there is a better answer than an error: what memory knows.
            if progress.first_token_at is not None:
                raise
            log.warning("turn.models_down", code=exc.code)
            progress.error = exc
            self._rescue(gathered.opened, turn_log, progress, found, down=True)

    async def _relay(
        self, events: AsyncGenerator[Any, None], turn_log: stream.TurnLog, progress: Progress
    ) -> None:
        asked_ns = unix_ns()
        first_ns = 0
        # aclosing: a stopped turn must close the provider's connection now, not at the next
        # garbage collection.
        with phase("model"):
            async with aclosing(events):
                async for event in events:
                    match event:
                        case TextDelta(text):
                            if progress.first_token_at is None:
                                progress.first_token_at = now()
                                first_ns = unix_ns()
                                passed("first_token", asked_ns)
                            turn_log.add_text(text)
                            await _let_gather(turn_log)
                        case Usage(input_tokens, output_tokens, counted, model):
                            # Another one may have answered for the one that was chosen.
                            progress.model = model or progress.model
                            progress.usage = {
                                "input_tokens": input_tokens,
                                "output_tokens": output_tokens,
                                "counted": counted,
                            }
                            _tokens.labels("input").inc(input_tokens)
                            _tokens.labels("output").inc(output_tokens)
                        case Finished("length"):
                            progress.degraded = [*progress.degraded, "output-limit"]
        if first_ns and progress.usage:
            paced(first_ns, progress.usage["output_tokens"])

    def _rescue(
        self,
        opened: Opened,
        turn_log: stream.TurnLog,
        progress: Progress,
        found: RecallResult,
        *,
        down: bool,
    ) -> None:
        reason = "models-down" if down else "no-model"
        progress.degraded = [*progress.degraded, reason]
        # It quotes from all that was found, not only from what a prompt had room for.
        progress.recalled = [_view(item) for item in found.items]
        turn_log.note(progress.degraded, progress.recalled)
        progress.first_token_at = now()
        turn_log.add_text(
            answer_from_memory(
                opened.question or "",
                found.items,
                "models-down" if down else "no-model",
                memory_is_away=bool(found.degraded),
            )
        )

    async def _close(
        self, opened: Opened, turn_log: stream.TurnLog, progress: Progress, state: EndState
    ) -> None:
        if state == "interrupted" and progress.error is None:
            progress.error = AnswerInterrupted.with_text_kept()
        outcome = Outcome(
            state=state,
            seq=turn_log.seq + 1,
            content=turn_log.content,
            degraded=progress.degraded,
            recalled=[recalled_json(item) for item in progress.recalled],
            error=progress.error.problem() if progress.error else None,
            model=progress.model,
            usage=progress.stored_usage,
            context_report=progress.report,
            first_token_at=progress.first_token_at,
        )
        with phase("persist"):
            closed = await self._store_outcome(opened.scope, turn_log.turn_id, outcome)
        turn = opened.turn
        last = Done(
            turn.conversation_id,
            turn.id,
            turn.message_id,
            outcome.seq,
            state,
            outcome.content,
            outcome.degraded,
            progress.recalled,
            frames.Usage(**progress.usage) if progress.usage else None,
            progress.model or None,
            outcome.error,
        )
        if not closed:
            last = await self._as_recorded(opened.scope, turn_log.turn_id, last)
        with phase("deliver"):
            turn_log.done(last)
            stream.HUB.release(turn_log)
        _turns.labels(last.state).inc()
        log.info("turn.closed", state=last.state, characters=len(last.content))
        if last.state == "done" and opened.needs_title and opened.question:
            usable = "models-down" not in outcome.degraded
            self._run_errand(self._give_title(opened, outcome.content, usable=usable))
        if last.state == "done" and progress.left_out:
            self._run_errand(
                summaries.renew(
                    opened.scope,
                    UUID(turn.conversation_id),
                    opened.lineage,
                    opened.model_id,
                    progress.left_out,
                    progress.summary,
                )
            )

    def _run_errand(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for, and that the process waits for when it ends."""
        errand = asyncio.get_running_loop().create_task(work)
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _store_outcome(self, scope: Scope, turn_id: UUID, outcome: Outcome) -> bool:
        try:
            return await _in_patient_unit(store.close_turn, scope, turn_id, outcome)
        except DatabaseError:
            log.exception("turn.close_gave_up")
            return False

    async def _as_recorded(self, scope: Scope, turn_id: UUID, ours: Done) -> Done:
        """The last frame of a turn that was ended already: what is recorded is what holds.

        By the reaper, or by ourselves, when the connection broke before the commit was confirmed.
        """
        try:
            view = await in_unit(store.read_turn, scope, turn_id)
        except DatabaseError:
            view = None
        if view is None or view.state == "open":
            error = AnswerInterrupted.with_text_kept().problem()
            return replace(ours, state="interrupted", error=error)
        return replace(
            ours,
            state=view.state,
            content=view.content,
            degraded=view.degraded,
            recalled=view.recalled,
            usage=view.usage,
            model=view.model,
            error=view.error,
        )

    async def _give_title(self, opened: Opened, answer: str, *, usable: bool) -> None:
        try:
            question = opened.question or ""
            title = await titles.make(
                opened.scope, opened.model_id, question, answer, usable=usable
            )
            conversation_id = opened.turn.conversation_id
            if await in_unit(store.set_title, opened.scope, UUID(conversation_id), title):
                await BUS.get().apublish(f"conversation:{conversation_id}", {"title": title})
        except Exception:
            # A missing title is made after the next turn; it must not disturb anything.
            log.exception("title.failed")

    async def _keep_alive(self) -> None:
        while self._tasks:
            await asyncio.sleep(BEAT_S)
            by_scope: dict[Scope, list[store.Pulse]] = {}
            for turn_log in stream.HUB.open_logs():
                by_scope.setdefault(turn_log.scope, []).append(
                    store.Pulse(
                        turn_log.turn_id,
                        turn_log.seq,
                        turn_log.content,
                        turn_log.degraded,
                        [recalled_json(item) for item in turn_log.recalled],
                    )
                )
            for scope, pulses in by_scope.items():
                await self._pulse(scope, pulses)

    async def _pulse(self, scope: Scope, pulses: list[store.Pulse]) -> None:
        try:
            ours, cancelled = await in_unit(store.keep_alive, scope, pulses)
        except DatabaseError as exc:
            log.warning("turn.pulse_missed", error=type(exc).__name__)
            return
        for pulse in pulses:
            task = self._tasks.get(pulse.turn_id)
            log_ = stream.HUB.get(pulse.turn_id)
            # A heartbeat that waited behind the closing no longer finds the turn open.
            is_over = log_ is None or log_.finished or pulse.turn_id in self._closing
            if task is None or is_over:
                continue
            if pulse.turn_id in cancelled:
                self._stopping.setdefault(pulse.turn_id, "cancelled")
                task.cancel()
            elif pulse.turn_id not in ours:
                task.cancel()


async def _let_gather(turn_log: stream.TurnLog) -> None:
    """With many turns at once, fetch what a model says in few large pieces instead of many."""
    batch_s = stream.HUB.batch_s()
    if batch_s < GATHER_FROM_S:
        return
    turn_log.flush()
    await asyncio.sleep(batch_s)


async def _in_patient_unit(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`in_unit`, again while the database is away."""
    return await _patiently(partial(in_unit, work, *args, **kwargs))


async def _patiently(work: Callable[[], Awaitable[R]]) -> R:
    """Again while the database is away: what was accepted must not fail for that."""
    deadline, pause_s = monotonic_s() + DATABASE_PATIENCE_S, 0.1
    while True:
        try:
            return await work()
        except AWAY as exc:
            if monotonic_s() > deadline:
                raise
            log.warning("turn.waits_for_database", error=type(exc).__name__)
        await asyncio.sleep(pause_s)
        pause_s = min(2.0, pause_s * 2)


async def _routed(opened: Opened) -> Route:
    """The models for a turn: the agent's own, or what the tenant's policy says."""
    need = Need(
        input_tokens=estimate_tokens(opened.question or ""), output_tokens=USUAL_OUTPUT_TOKENS
    )
    named = () if opened.model_id is None else (opened.model_id,)
    wish = Wish(need, named=named, affinity=opened.turn.conversation_id)
    return await routed(_caller(opened), "chat", wish)


def _caller(opened: Opened) -> Caller:
    """Who pays for a turn."""
    return Caller(
        opened.scope.tenant_id,
        user_id=opened.user_id,
        agent_id=opened.agent_id,
        turn_id=UUID(opened.turn.id),
    )


def _view(item: Recalled) -> RecalledView:
    return RecalledView(
        memory_id=str(item.memory_id),
        text=item.text,
        said_at=rfc3339(item.said_at),
        speaker=item.speaker,
        conversation_id=str(item.conversation_id) if item.conversation_id else None,
        score=round(item.score, 4),
        reason=item.reason,
    )


RUNNER = Runner()
