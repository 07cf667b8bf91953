"""Operations under /api/v2/auth about second factors, passkeys, step-up and the tenant's policy."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from saas.api import cookies
from saas.api.auth import actor_of, visitor_of
from saas.identity import passkeys, policy, second_factor, verbs
from saas.schemas import AskedOut, MeOut, PasskeyIn

router = Router(tags=["second factors"])


class FactorsOut(Schema):
    """What is set up beside the password."""

    app_since: datetime | None
    recovery_codes_left: int
    passkeys: int
    methods: list[str]


class SetupOut(Schema):
    """For an authenticator app: the secret, its address, and that as a picture (`data:`)."""

    secret: str
    uri: str
    picture: str


class AppCodeIn(Schema):
    """Six digits of the app."""

    code: str = Field(max_length=40)


class RecoveryCodesOut(Schema):
    """Shown once; each works once."""

    codes: list[str]


class StepUpIn(Schema):
    """The password, or a code."""

    password: str | None = Field(None, max_length=1000)
    code: str | None = Field(None, max_length=40)


class PasskeyOut(Schema):
    """A passkey."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class PasskeysOut(Schema):
    """One's own passkeys, oldest first."""

    items: list[PasskeyOut]


class NewPasskeyIn(PasskeyIn):
    """What the browser made, and what to call it."""

    name: str = Field(min_length=1, max_length=100)


class SignInPolicyOut(Schema):
    """What the tenant asks; null: as the platform.

    `allows_impersonation` false: platform admins act as somebody here only when two agree.
    """

    mfa: policy.Mfa
    session_limit: int | None
    idle_minutes: int | None
    absolute_hours: int | None
    allows_impersonation: bool


class SignInPolicyIn(Schema):
    """What the tenant shall ask; null: as the platform."""

    mfa: policy.Mfa = "optional"
    session_limit: int | None = Field(None, ge=1, le=1000)
    idle_minutes: int | None = Field(None, ge=5, le=43_200)
    absolute_hours: int | None = Field(None, ge=1, le=8_760)
    allows_impersonation: bool = True


@router.post("/step-up", response=MeOut, operation_id="auth_step_up")
def step_up(request: HttpRequest, response: HttpResponse, body: StepUpIn) -> MeOut:
    """Confirm that it is still you: dangerous acts are open for five minutes."""
    actor = actor_of(request)
    verbs.confirm_person(actor, visitor_of(request), body.password, body.code)
    return cookies.renew(request, response, actor)


@router.post("/step-up/passkey", response=MeOut, operation_id="auth_step_up_passkey")
def step_up_passkey(request: HttpRequest, response: HttpResponse, body: PasskeyIn) -> MeOut:
    """The same with a passkey."""
    actor = actor_of(request)
    verbs.confirm_with_passkey(actor, body.challenge, body.credential)
    return cookies.renew(request, response, actor)


@router.get("/mfa", response=FactorsOut, operation_id="auth_mfa_status")
def status(request: HttpRequest) -> object:
    """What is set up."""
    return second_factor.factors_of(actor_of(request).user_id)


@router.post("/mfa/setup", response=SetupOut, operation_id="auth_mfa_setup")
def setup(request: HttpRequest) -> object:
    """Begin to set an authenticator app up; a code of it puts it into force."""
    return second_factor.begin_setup(actor_of(request))


@router.post("/mfa/verify", response=RecoveryCodesOut, operation_id="auth_mfa_verify")
def verify(request: HttpRequest, response: HttpResponse, body: AppCodeIn) -> RecoveryCodesOut:
    """Put the app into force; gives the recovery codes."""
    actor = actor_of(request)
    codes = second_factor.confirm_setup(actor, body.code)
    cookies.renew(request, response, actor)
    return RecoveryCodesOut(codes=codes)


@router.post("/mfa/disable", response={204: None}, operation_id="auth_mfa_disable")
def disable(request: HttpRequest) -> Status[None]:
    """Remove the app."""
    second_factor.disable(actor_of(request))
    return Status(204, None)


@router.post("/mfa/recovery-codes", response=RecoveryCodesOut, operation_id="auth_mfa_codes")
def recovery_codes(request: HttpRequest) -> RecoveryCodesOut:
    """Ten new recovery codes; the old ones end."""
    return RecoveryCodesOut(codes=second_factor.renew_recovery_codes(actor_of(request)))


@router.get("/passkeys", response=PasskeysOut, operation_id="auth_passkeys")
def list_passkeys(request: HttpRequest) -> object:
    """One's own passkeys."""
    return {"items": passkeys.list_passkeys(actor_of(request))}


@router.post("/passkeys/ask", response=AskedOut, operation_id="auth_passkey_ask")
def ask_passkey(request: HttpRequest) -> object:
    """What the browser needs for making a passkey."""
    return passkeys.begin_registration(actor_of(request))


@router.post("/passkeys", response=RecoveryCodesOut, operation_id="auth_passkey_add")
def add_passkey(
    request: HttpRequest, response: HttpResponse, body: NewPasskeyIn
) -> RecoveryCodesOut:
    """Keep a passkey; gives recovery codes to those who have none."""
    actor = actor_of(request)
    codes = passkeys.register(actor, body.challenge, body.credential, body.name)
    cookies.renew(request, response, actor)
    return RecoveryCodesOut(codes=codes)


@router.delete("/passkeys/{passkey_id}", response={204: None}, operation_id="auth_passkey_remove")
def remove_passkey(request: HttpRequest, passkey_id: UUID) -> Status[None]:
    """Forget a passkey."""
    passkeys.remove(actor_of(request), passkey_id)
    return Status(204, None)


@router.get("/policy", response=SignInPolicyOut, operation_id="auth_policy")
def see_policy(request: HttpRequest) -> object:
    """What one's tenant asks of those who sign in."""
    return policy.see_sign_in_policy(actor_of(request))


@router.put("/policy", response=SignInPolicyOut, operation_id="auth_set_policy")
def set_policy(request: HttpRequest, body: SignInPolicyIn) -> object:
    """Replace it."""
    wanted = policy.SignInPolicy(**body.model_dump())
    return policy.set_sign_in_policy(actor_of(request), wanted)
