"""What people say of an answer, for the bandit."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction

from gateway.models import Usage
from gateway.models.ledger import NOBODY
from gateway.routing.log import Lesson, teach

# A person who judges says more than a call that merely went well.
WEIGHT = 3.0


def learn_from_judgement(tenant_id: UUID, call_id: UUID, *, is_good: bool) -> None:
    """Count a judged answer for the model that gave it, once the open unit has committed.

    A call that the ledger does not know, or no longer, teaches nothing.
    """
    answered = Usage.objects.filter(call_id=call_id).exclude(model_id=NOBODY)
    model_id = answered.values_list("model_id", flat=True).first()
    if model_id is None:
        return
    lesson = Lesson(tenant_id, model_id, 1.0 if is_good else 0.0, WEIGHT)
    transaction.on_commit(lambda: teach(lesson), using=DEFAULT_DB_ALIAS)
