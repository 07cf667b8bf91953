"""Operations on how long memories are kept."""

from django.http import HttpRequest

from memory import retention as verbs
from memory.api.routing import router
from memory.schemas import RetentionIn, RetentionOut
from saas.api.auth import actor_of


@router.get("/retention", response=RetentionOut, operation_id="memory_retention")
def get_retention(request: HttpRequest) -> verbs.Retention:
    """After how many days one's memories are forgotten."""
    return verbs.read_retention(actor_of(request))


@router.put("/retention", response=RetentionOut, operation_id="memory_set_retention")
def set_retention(request: HttpRequest, body: RetentionIn) -> verbs.Retention:
    """Set one's own number of days, or (tenant administrators) everyone's; null: never."""
    sent = body.dict(exclude_unset=True)
    change = verbs.RetentionChange(frozenset(sent), **sent)
    return verbs.set_retention(actor_of(request), change)
