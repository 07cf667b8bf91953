"""Facts that the gateway tells the other apps."""

from dataclasses import dataclass
from uuid import UUID

from kernel.events import event


@event("gateway.budget_reached", version=1)
@dataclass(frozen=True, slots=True)
class BudgetReached:
    """An account of a budget passed one of its thresholds; told once a period.

    `place`: "<subject id>|<period>". Amounts in micro-units of `metric`.
    """

    budget_id: UUID
    metric: str
    place: str
    per_cent: int
    spent_micros: int
    limit_micros: int
