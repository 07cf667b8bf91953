"""Setting up a new organisation, step by step: each is done or skipped, and taken up again later.

Owns: how far it is, and the organisation's name. What a step is about belongs to others (models,
agents, invitations); this keeps only that it was dealt with.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from kernel.actor import Actor
from kernel.db import unit_of_work
from kernel.errors import Unprocessable
from kernel.text import checked
from saas.audit import audit
from saas.authz.check import require
from saas.models import SetupStep, Tenant

Step = Literal["organisation", "model", "agent", "people"]
StepState = Literal["open", "done", "skipped"]
STEPS: tuple[Step, ...] = get_args(Step)
NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class StepView:
    """A step and how it stands."""

    name: Step
    state: StepState


@dataclass(frozen=True, slots=True)
class Setup:
    """How far an organisation is; `address`: by which it is known (its slug)."""

    name: str
    address: str
    steps: tuple[StepView, ...]
    is_finished: bool


def see_setup(actor: Actor) -> Setup:
    """How far the actor's organisation is. Raises: Forbidden, NoTenant."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        return _setup(actor)


def mark_step(actor: Actor, step: Step, state: StepState) -> Setup:
    """Note that a step is done, skipped, or open again. Raises: Forbidden, NoTenant."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.administrate")
        if state == "open":
            SetupStep.objects.filter(name=step).delete()
        else:
            SetupStep.objects.update_or_create(
                tenant_id=actor.scope.tenant_id, name=step, defaults={"state": state}
            )
        return _setup(actor)


def rename_organisation(actor: Actor, name: str) -> Setup:
    """Give it another name. Audited. Raises: Forbidden, NoTenant, Unprocessable."""
    wanted = checked(name, "/name").strip()
    with unit_of_work(actor.scope):
        require(actor, "tenant.administrate")
        if not 1 <= len(wanted) <= NAME_MAX:
            detail = f"1 to {NAME_MAX} characters"
            raise Unprocessable(errors=[{"pointer": "/name", "detail": detail}])
        tenant = Tenant.objects.get(id=actor.scope.tenant_id)
        if tenant.name != wanted:
            Tenant.objects.filter(id=tenant.id).update(name=wanted)
            before, after = {"name": tenant.name}, {"name": wanted}
            audit(actor, "tenant.renamed", "tenant", tenant.id, before, after)
        return _setup(actor)


def _setup(actor: Actor) -> Setup:
    tenant = Tenant.objects.get(id=actor.scope.tenant_id)
    known: dict[str, StepState] = dict(SetupStep.objects.values_list("name", "state"))
    steps = tuple(StepView(step, known.get(step, "open")) for step in STEPS)
    return Setup(tenant.name, tenant.slug, steps, all(one.state != "open" for one in steps))
