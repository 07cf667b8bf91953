"""Operations under /api/v2/auth about the account: password, address, name, registration."""

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from saas.api import cookies
from saas.api.auth import actor_of, visitor_of
from saas.identity import recovery, verbs
from saas.schemas import MeOut, PasswordIn

router = Router(tags=["account"])


class ForgottenIn(Schema):
    """Whose password was forgotten."""

    email: str = Field(max_length=254)


class TokenIn(Schema):
    """What the link of a mail holds."""

    token: str = Field(max_length=200)


class NewPasswordIn(TokenIn):
    """A password in the place of a forgotten one."""

    new: str = Field(max_length=1000)


class ValidOut(Schema):
    """Whether a link still works."""

    valid: bool


class EmailIn(Schema):
    """The address that one wants to have."""

    email: str = Field(max_length=254)


class ChangedOut(Schema):
    """False: the other address has not confirmed it yet."""

    changed: bool


class ProfileIn(Schema):
    """How one is called."""

    display_name: str = Field(min_length=1, max_length=200)


class RegisterIn(Schema):
    """A new account."""

    email: str = Field(max_length=254)
    display_name: str = Field(min_length=1, max_length=200)
    password: str = Field(max_length=1000)


@router.post("/password", response=MeOut, operation_id="auth_change_password")
def change_password(request: HttpRequest, response: HttpResponse, body: PasswordIn) -> MeOut:
    """Replace the password; the person's other sessions end."""
    actor = actor_of(request)
    verbs.change_password(actor, body.current, body.new, visitor_of(request))
    return cookies.renew(request, response, actor)


@router.post(
    "/password/request", response={204: None}, auth=None, operation_id="auth_request_reset"
)
def request_reset(request: HttpRequest, body: ForgottenIn) -> Status[None]:
    """Send a link for a new password; the same answer for an address that nobody has."""
    recovery.ask_reset(body.email, visitor_of(request))
    return Status(204, None)


@router.post("/password/validate", response=ValidOut, auth=None, operation_id="auth_validate_reset")
def validate_reset(request: HttpRequest, body: TokenIn) -> ValidOut:  # noqa: ARG001
    """Whether a link for a new password still works."""
    return ValidOut(valid=recovery.is_valid_reset(body.token))


@router.post(
    "/password/confirm", response={204: None}, auth=None, operation_id="auth_confirm_reset"
)
def confirm_reset(request: HttpRequest, body: NewPasswordIn) -> Status[None]:  # noqa: ARG001
    """Choose a new password with a link; every session of the person ends."""
    recovery.reset_password(body.token, body.new)
    return Status(204, None)


@router.post("/email", response={204: None}, operation_id="auth_request_email")
def request_email(request: HttpRequest, body: EmailIn) -> Status[None]:
    """Ask for another e-mail address; it is confirmed at the old one and at the new one."""
    recovery.ask_email_change(actor_of(request), body.email)
    return Status(204, None)


@router.post("/email/confirm", response=ChangedOut, auth=None, operation_id="auth_confirm_email")
def confirm_email(request: HttpRequest, body: TokenIn) -> ChangedOut:  # noqa: ARG001
    """Follow one of the two links."""
    return ChangedOut(changed=recovery.confirm_email_change(body.token))


@router.patch("/profile", response=MeOut, operation_id="auth_change_profile")
def change_profile(request: HttpRequest, body: ProfileIn) -> MeOut:
    """Change how one is called."""
    actor = actor_of(request)
    recovery.change_name(actor, body.display_name)
    return MeOut.of(verbs.describe(actor))


@router.post("/register", response={204: None}, auth=None, operation_id="auth_register")
def register(request: HttpRequest, body: RegisterIn) -> Status[None]:
    """Make an account, where that is allowed; its address is confirmed by a mail."""
    recovery.ask_registration(body.email, body.display_name, body.password, visitor_of(request))
    return Status(204, None)


@router.post(
    "/register/confirm", response={204: None}, auth=None, operation_id="auth_confirm_register"
)
def confirm_register(request: HttpRequest, body: TokenIn) -> Status[None]:  # noqa: ARG001
    """Follow the link of a new account."""
    recovery.confirm_registration(body.token)
    return Status(204, None)
