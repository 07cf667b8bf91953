"""Step-up: what is dangerous needs a sign-in of the last five minutes.

The interface answers `step-up-required` with a dialog and then sends the same request again.
"""

from datetime import timedelta

from kernel.actor import Actor
from kernel.clock import now
from saas.errors import StepUpRequired
from saas.identity.acting import refuse_acting
from saas.models import Session

FRESH = timedelta(minutes=5)


def require_step_up(actor: Actor) -> None:
    """Raise unless the person behind the session has signed in or confirmed it just now.

    Raises: StepUpRequired, also for callers without a session: nobody could confirm it;
    RefusedWhileActing.
    """
    refuse_acting(actor)
    if actor.session_id is None:
        raise StepUpRequired
    recent = Session.objects.filter(
        id=actor.session_id, ended_at=None, authenticated_at__gt=now() - FRESH
    )
    if not recent.exists():
        raise StepUpRequired
