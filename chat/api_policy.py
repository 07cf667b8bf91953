"""Operations under /api/v2/chat/policy: what a tenant says about every turn."""

from django.http import HttpRequest
from ninja import Router

from chat import policy
from chat.schemas import PolicyIn, PolicyOut
from saas.api.auth import actor_of

router = Router(tags=["policy"])


@router.get("", response=PolicyOut, operation_id="policy_see")
def see_policy(request: HttpRequest) -> PolicyOut:
    """What is set for all agents of the tenant (tenant admins)."""
    return PolicyOut.of(policy.see_policy(actor_of(request)))


@router.put("", response=PolicyOut, operation_id="policy_set")
def set_policy(request: HttpRequest, body: PolicyIn) -> PolicyOut:
    """Set all of it, from the next turn on (tenant admins); audited."""
    return PolicyOut.of(policy.set_policy(actor_of(request), body.policy()))
