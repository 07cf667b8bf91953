"""Levels and weights of an agent: read with decay, moved by feedback and by hand, undone.

One row a mind, locked while it changes; every change keeps the state before it, so that any can be
undone.  The arithmetic is in `memory.cognition`.  Each function runs inside a unit that the caller
opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from kernel.clock import now
from kernel.ids import uuid7
from kernel.scope import require_scope
from memory.cognition import adaptation
from memory.cognition.neuromodulators import (
    BASELINE,
    RANGES,
    Levels,
    after_reward,
    decayed,
    effects,
    held,
)
from memory.errors import BadMemory
from memory.models_cognition import Mind, MindChange
from memory.values import (
    Adjustment,
    CognitiveState,
    Feedback,
    FeedbackResult,
    Neuromodulators,
    SleepState,
    StateAt,
    Weights,
)

MAX_HISTORY_PAGE = 200
# `lambda` is a word of the language: the field of the port carries an underscore.
_FIELDS = {"lambda": "lambda_"}
_NAMES = {field: name for name, field in _FIELDS.items()}
BOUNDS: dict[str, tuple[float, float]] = {
    **{name: (one.low, one.high) for name, one in RANGES.items()},
    **{_FIELDS.get(n, n): (one.low, one.high) for n, one in adaptation.PARAMETERS.items()},
}


def state_of(agent_id: UUID, *, history: int = 0, asleep: SleepState = "active") -> CognitiveState:
    """Return the mind of the agent as it is now, with at most `history` earlier states."""
    mind = Mind.objects.filter(agent_id=agent_id).first() or _at_rest(agent_id)
    levels = _levels_now(mind)
    rows = MindChange.objects.filter(agent_id=agent_id).order_by("-id")
    return CognitiveState(
        at=now(),
        neuromodulators=Neuromodulators(**levels.as_dict()),
        weights=_weights(mind.weights),
        learning_rate=_rate(levels),
        feedback_count=mind.feedback_count,
        sleep=asleep,
        bounds=BOUNDS,
        history=tuple(
            StateAt(
                row.created_at,
                row.cause,
                Neuromodulators(**row.levels),
                _weights(row.weights),
                row.reason,
                row.is_undone,
            )
            for row in rows[: max(0, min(history, MAX_HISTORY_PAGE))]
        ),
    )


def learn(agent_id: UUID, feedback: Feedback) -> FeedbackResult:
    """Move weights and levels by one piece of feedback, once a key.

    The learning rate is 0.05 times the dopamine factor of the levels before the feedback.
    """
    mind = _locked(agent_id)
    before = _levels_now(mind)
    if not _keep(mind, before, "feedback", key=feedback.idempotency_key):
        return FeedbackResult(applied=False, weights=_weights(mind.weights))
    reward = adaptation.reward_of(reward=feedback.reward, utility=feedback.utility)
    mind.weights = adaptation.learned(mind.weights, reward, rate=_rate(before))
    mind.feedback_count += 1
    _save(mind, after_reward(before, reward))
    return FeedbackResult(applied=True, weights=_weights(mind.weights))


def adjust(agent_id: UUID, adjustment: Adjustment) -> None:
    """Set values, reset, or step back.  Raises: BadMemory; nothing is changed then."""
    mind = _locked(agent_id)
    before = _levels_now(mind)
    if adjustment.roll_back:
        _step_back(mind, before, adjustment.roll_back, adjustment.reason)
        return
    if adjustment.reset:
        _keep(mind, before, "reset", adjustment.reason)
        mind.weights = adaptation.starting_weights()
        _save(mind, BASELINE)
        return
    changes = {_NAMES.get(name, name): value for name, value in adjustment.weights.items()}
    _refuse_out_of_bounds(adjustment)
    _keep(mind, before, "adjust", adjustment.reason)
    mind.weights = adaptation.set_by_hand(mind.weights, changes)
    _save(mind, held({**before.as_dict(), **adjustment.levels}))


def _step_back(mind: Mind, levels: Levels, steps: int, reason: str) -> None:
    """Restore the state before the `steps` newest changes that stand; mark those undone."""
    standing = MindChange.objects.filter(agent_id=mind.agent_id, is_undone=False)
    rows = list(standing.order_by("-id")[:steps])
    if len(rows) < steps:
        msg = f"Only {len(rows)} changes can be undone."
        raise BadMemory(msg, errors=[{"pointer": "/roll_back", "detail": msg}])
    MindChange.objects.filter(id__in=[row.id for row in rows]).update(is_undone=True)
    _keep(mind, levels, "rollback", reason, is_undone=True)
    mind.weights = rows[-1].weights
    _save(mind, held(rows[-1].levels))


def _refuse_out_of_bounds(adjustment: Adjustment) -> None:
    errors = []
    for group, values in (("levels", adjustment.levels), ("weights", adjustment.weights)):
        for name, value in values.items():
            low, high = BOUNDS[name]
            if not low <= value <= high:
                detail = f"lies between {low:g} and {high:g}"
                errors.append({"pointer": f"/{group}/{name}", "detail": detail})
    if errors:
        raise BadMemory(errors=errors)


def _locked(agent_id: UUID) -> Mind:
    """Return the agent's row for change, made when it is the first time."""
    rest = _at_rest(agent_id)
    Mind.objects.bulk_create([rest], ignore_conflicts=True)
    mind: Mind = Mind.objects.select_for_update().get(agent_id=agent_id)
    return mind


def _at_rest(agent_id: UUID) -> Mind:
    scope = require_scope()
    return Mind(
        tenant_id=scope.tenant_id,
        agent_id=agent_id,
        levels=BASELINE.as_dict(),
        weights=adaptation.starting_weights(),
    )


def _keep(
    mind: Mind,
    levels: Levels,
    cause: str,
    reason: str = "",
    *,
    key: str | None = None,
    is_undone: bool = False,
) -> bool:
    """Record the state before a change; False when its key is known.

    The mind's row is locked, so two feedbacks of one agent follow one another.
    """
    change = MindChange(
        id=uuid7(),
        tenant_id=mind.tenant_id,
        agent_id=mind.agent_id,
        cause=cause,
        reason=reason[:500],
        levels=levels.as_dict(),
        weights=mind.weights,
        idempotency_key=key,
        is_undone=is_undone,
    )
    # `on conflict do nothing` says by itself whether it did something; bulk_create would not.
    with connection.cursor() as cursor:
        if key is not None:
            cursor.execute(
                "select 1 from memory_mindchange where tenant_id = %s and idempotency_key = %s",
                [mind.tenant_id, key],
            )
            if cursor.fetchone():
                return False
        MindChange.objects.bulk_create([change], ignore_conflicts=True)
        if not MindChange.objects.filter(id=change.id).exists():
            return False
        # A mind remembers its last thousand changes.
        cursor.execute(
            "delete from memory_mindchange where tenant_id = %s and agent_id = %s and id <= ("
            "select id from memory_mindchange where tenant_id = %s and agent_id = %s "
            "order by id desc offset %s limit 1)",
            [*([mind.tenant_id, mind.agent_id] * 2), adaptation.MAX_HISTORY],
        )
    return True


def _save(mind: Mind, levels: Levels) -> None:
    mind.levels = levels.as_dict()
    mind.levels_at = now()
    mind.save(update_fields=["levels", "levels_at", "weights", "feedback_count"])


def _levels_now(mind: Mind) -> Levels:
    return decayed(held(mind.levels), (now() - mind.levels_at).total_seconds())


def _rate(levels: Levels) -> float:
    return adaptation.BASE_RATE * effects(levels).learning_rate_factor


def _weights(weights: Mapping[str, float]) -> Weights:
    known = {**adaptation.starting_weights(), **weights}
    return Weights(**{_FIELDS.get(name, name): known[name] for name in adaptation.PARAMETERS})
