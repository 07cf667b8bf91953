"""Which budgets bind a call, and in which account of each it counts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.ledger.metrics import UNLIMITED

Subject = Literal["tenant", "user", "agent", "key", "model"]
Period = Literal["turn", "day", "month", "ever"]
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a model is asked. The nil id: nobody."""

    tenant_id: UUID
    user_id: UUID = NOBODY
    agent_id: UUID = NOBODY
    key_id: UUID = NOBODY
    turn_id: UUID = NOBODY


@dataclass(frozen=True, slots=True)
class Rule:
    """A budget. `subject_id` None: each subject for itself. `alerts`: per cent, rising."""

    id: UUID
    metric: str
    subject: Subject
    subject_id: UUID | None
    period: Period
    limit_micros: int
    is_hard: bool
    alerts: tuple[int, ...] = ()

    @property
    def is_lent(self) -> bool:
        """Whether calls must hold what they may spend; otherwise it is only recorded."""
        return self.is_hard and self.limit_micros != UNLIMITED


@dataclass(frozen=True, slots=True)
class Place:
    """An account: a budget's rule, for one subject, in one period."""

    rule: Rule
    name: str


def places(
    rules: Iterable[Rule], caller: Caller, model_id: UUID, at: datetime, zone: ZoneInfo
) -> list[Place]:
    """The accounts that a call counts in."""
    subjects = {
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "agent": caller.agent_id,
        "key": caller.key_id,
        "model": model_id,
    }
    found: list[Place] = []
    local = at.astimezone(zone)
    for rule in rules:
        subject = subjects[rule.subject]
        if subject == NOBODY or rule.subject_id not in {None, subject}:
            continue
        period = _period(rule.period, local, caller.turn_id)
        if period is not None:
            found.append(Place(rule, f"{subject}|{period}"))
    return found


def day_of(at: datetime, zone: ZoneInfo) -> datetime:
    """When the day of `at` began in `zone`."""
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _period(period: Period, local: datetime, turn_id: UUID) -> str | None:
    match period:
        case "day":
            return local.strftime("%Y-%m-%d")
        case "month":
            return local.strftime("%Y-%m")
        case "ever":
            return "ever"
        case "turn":
            return None if turn_id == NOBODY else str(turn_id)
