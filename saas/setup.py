"""Setting up a new organisation, step by step: each is done or skipped, and taken up again later.

Owns: how far it is, and the organisation's name, address and brand colour. What another step is
about belongs to others (models, agents, invitations); this keeps only that it was dealt with.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

from django.db import IntegrityError

from kernel.actor import Actor
from kernel.db import unit_of_work
from kernel.errors import Unprocessable
from kernel.text import checked
from saas.audit import audit
from saas.authz.check import require
from saas.errors import AddressFixed, SlugTaken
from saas.identity.port import IDENTITY
from saas.models import SetupStep, Tenant

Step = Literal["organisation", "model", "agent", "people"]
StepState = Literal["open", "done", "skipped"]
STEPS: tuple[Step, ...] = get_args(Step)
# Kept beside the steps: that the sysadmins are not led there by themselves any more.
PUT_OFF = "put_off"
NAME_MAX = 200
ADDRESS_MAX = 60
ADDRESS = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Tenants that commands of the operator look for, or make.
RESERVED = frozenset({"demo", "home"})
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class StepView:
    """A step and how it stands."""

    name: Step
    state: StepState


@dataclass(frozen=True, slots=True)
class Setup:
    """How far an organisation is; `address`: by which it is known (its slug).

    `is_address_fixed`: another service knows it by that. `brand_colour`: `#rrggbb`, or empty for
    the interface's own.
    """

    name: str
    address: str
    is_address_fixed: bool
    brand_colour: str
    steps: tuple[StepView, ...]
    is_finished: bool
    is_put_off: bool


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
            _keep(actor, step, state)
        return _setup(actor)


def put_off(actor: Actor) -> Setup:
    """Lead nobody to the set-up by itself any more. Raises: Forbidden, NoTenant."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.administrate")
        _keep(actor, PUT_OFF, "done")
        return _setup(actor)


def change_organisation(
    actor: Actor, name: str | None = None, brand_colour: str | None = None
) -> Setup:
    """Give it another name or colour; None leaves what is there. Audited.

    `brand_colour`: `#rrggbb`, or empty for the interface's own.
    Raises: Forbidden, NoTenant, Unprocessable.
    """
    wanted = {}
    if name is not None:
        wanted["name"] = _name(name)
    if brand_colour is not None:
        wanted["brand_colour"] = _colour(brand_colour)
    with unit_of_work(actor.scope):
        require(actor, "tenant.administrate")
        _change(actor, wanted)
        return _setup(actor)


def change_address(actor: Actor, address: str) -> Setup:
    """Give it another address (slug); the one before is free for others at once. Audited.

    Everything but Keycloak knows a tenant by its id, so that all else goes on.
    Raises: Forbidden, NoTenant, Unprocessable, SlugTaken, AddressFixed.
    """
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        wanted = _address(address)
        if IDENTITY.get().is_mirror:
            raise AddressFixed("Keycloak's organisation has it as its alias, which cannot change.")
        if wanted in RESERVED:
            raise SlugTaken
        try:
            _change(actor, {"slug": wanted})
        except IntegrityError as exc:
            raise SlugTaken from exc
        return _setup(actor)


def _change(actor: Actor, wanted: dict[str, str]) -> None:
    """Write what differs, and record it."""
    tenant = Tenant.objects.get(id=actor.scope.tenant_id)
    before = {key: getattr(tenant, key) for key in wanted}
    after = {key: value for key, value in wanted.items() if value != before[key]}
    if after:
        Tenant.objects.filter(id=tenant.id).update(**after)
        was = {key: before[key] for key in after}
        audit(actor, "tenant.changed", "tenant", tenant.id, was, after)


def _keep(actor: Actor, name: str, state: str) -> None:
    tenant_id = actor.scope.tenant_id
    SetupStep.objects.update_or_create(tenant_id=tenant_id, name=name, defaults={"state": state})


def _name(given: str) -> str:
    name = checked(given, "/name").strip()
    if not 1 <= len(name) <= NAME_MAX:
        detail = f"1 to {NAME_MAX} characters"
        raise Unprocessable(errors=[{"pointer": "/name", "detail": detail}])
    return name


def _colour(given: str) -> str:
    if given and not COLOUR.fullmatch(given):
        detail = "#rrggbb, or empty for the default"
        raise Unprocessable(errors=[{"pointer": "/brand_colour", "detail": detail}])
    return given.lower()


def _address(given: str) -> str:
    address = given.strip()
    if not ADDRESS.fullmatch(address) or not 2 <= len(address) <= ADDRESS_MAX or _is_id(address):
        detail = f"2 to {ADDRESS_MAX} characters: a to z, 0 to 9 and single hyphens between them"
        raise Unprocessable(errors=[{"pointer": "/address", "detail": detail}])
    return address


def _is_id(address: str) -> bool:
    """Whether it could be taken for the id of another tenant, where a command takes both."""
    try:
        UUID(address)
    except ValueError:
        return False
    return True


def _setup(actor: Actor) -> Setup:
    tenant = Tenant.objects.get(id=actor.scope.tenant_id)
    known: dict[str, StepState] = dict(SetupStep.objects.values_list("name", "state"))
    steps = tuple(StepView(step, known.get(step, "open")) for step in STEPS)
    is_finished = all(one.state != "open" for one in steps)
    return Setup(
        tenant.name,
        tenant.slug,
        IDENTITY.get().is_mirror,
        tenant.brand_colour,
        steps,
        is_finished,
        PUT_OFF in known,
    )
