"""Operations under /api/v2/saas/setup."""

from django.http import HttpRequest
from ninja import Router, Schema

from saas import setup
from saas.api.auth import actor_of
from saas.setup import Step, StepState

router = Router(tags=["setup"])


class SetupStepOut(Schema):
    """A step and how it stands."""

    name: Step
    state: StepState


class OrganisationSetupOut(Schema):
    """How far an organisation is set up."""

    name: str
    address: str
    is_address_fixed: bool
    brand_colour: str
    steps: list[SetupStepOut]
    is_finished: bool
    is_put_off: bool


class SetupStepIn(Schema):
    """How a step stands from now on."""

    state: StepState


class OrganisationIn(Schema):
    """What an organisation is called, and its colour (`#rrggbb`; empty: the default)."""

    name: str | None = None
    brand_colour: str | None = None


class OrganisationAddressIn(Schema):
    """By which an organisation is known: small letters, digits and single hyphens."""

    address: str


@router.get("", response=OrganisationSetupOut, operation_id="setup_see")
def see_setup(request: HttpRequest) -> object:
    """How far one's organisation is set up."""
    return setup.see_setup(actor_of(request))


@router.put("/steps/{step}", response=OrganisationSetupOut, operation_id="setup_mark")
def mark_step(request: HttpRequest, step: Step, body: SetupStepIn) -> object:
    """Note that a step is done, skipped, or open again."""
    return setup.mark_step(actor_of(request), step, body.state)


@router.put("/later", response=OrganisationSetupOut, operation_id="setup_put_off")
def put_off(request: HttpRequest) -> object:
    """Lead nobody to the set-up by itself any more."""
    return setup.put_off(actor_of(request))


@router.patch("/organisation", response=OrganisationSetupOut, operation_id="setup_change")
def change_organisation(request: HttpRequest, body: OrganisationIn) -> object:
    """Give one's organisation another name or colour; what is left out stays."""
    return setup.change_organisation(actor_of(request), body.name, body.brand_colour)


@router.put("/address", response=OrganisationSetupOut, operation_id="setup_address")
def change_address(request: HttpRequest, body: OrganisationAddressIn) -> object:
    """Give one's organisation another address; the one before stops working."""
    return setup.change_address(actor_of(request), body.address)
