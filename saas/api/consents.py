"""Operations under /api/v2/auth about programs: what one asks for, the answer, who has access."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from saas.api.auth import actor_of
from saas.identity import consents
from saas.identity.tokens import ScopeWord

router = Router(tags=["programs"])


class AskedIn(Schema):
    """An authorization request (RFC 6749, section 4.1.1; RFC 7636 with S256).

    A wrong `client_id` or `redirect_uri` is refused here; whatever else is wrong gives a problem
    with `redirect_to`, the address by which the browser tells the program (section 4.1.2.1).
    """

    # Appendix A.1: visible ASCII; nothing that only looks like something else.
    client_id: str = Field(min_length=1, max_length=100, pattern=r"^[ -~]+$")
    redirect_uri: str = Field(max_length=300)
    response_type: str = Field("", description="`code`")
    code_challenge: str = Field("", description="43 characters of base64url")
    code_challenge_method: str = Field("", description="`S256`")
    scope: str = ""
    state: str = ""


class AnswerIn(AskedIn):
    """The same once more, with what the person decided."""

    allow: bool


class QuestionOut(Schema):
    """What the person has to know. `program`: as it calls itself; `place`: where it listens.

    `tenant`: the name of the organisation; `life_hours`: how long it may go on; `allowed_at`: when
    the same was allowed before.
    """

    program: str
    place: str
    tenant: str
    scopes: list[ScopeWord]
    life_hours: int
    allowed_at: datetime | None


class AnsweredOut(Schema):
    """The program's address, with a code or an error: the browser goes there."""

    redirect_to: str


class ConsentOut(Schema):
    """A program that was allowed. `last_used_at`, `open_sessions`: of its sessions that go on."""

    id: UUID
    program: str
    tenant: str
    scopes: list[ScopeWord]
    allowed_at: datetime
    last_used_at: datetime | None
    open_sessions: int


class ConsentsOut(Schema):
    """The programs that one let in, the last one first."""

    items: list[ConsentOut]


@router.get("/authorize", response=QuestionOut, operation_id="auth_ask_consent")
def ask(request: HttpRequest, asked: Query[AskedIn]) -> object:
    """What a program on one's own machine asks for, in words. Gives it nothing."""
    repeated = frozenset(name for name, values in request.GET.lists() if len(values) > 1)
    wanted = consents.Asked(**asked.dict(), repeated=repeated)
    return consents.ask(actor_of(request), wanted)


@router.post("/authorize", response=AnsweredOut, operation_id="auth_authorize")
def answer(request: HttpRequest, body: AnswerIn) -> AnsweredOut:
    """Allow a program in, or refuse it: a code or `access_denied` for it."""
    wanted = consents.Asked(**body.dict(exclude={"allow"}))
    address = consents.answer(actor_of(request), wanted, is_allowed=body.allow)
    return AnsweredOut(redirect_to=address)


@router.get("/consents", response=ConsentsOut, operation_id="auth_consents")
def list_consents(request: HttpRequest) -> object:
    """The programs that one let in."""
    return {"items": consents.list_consents(actor_of(request))}


@router.delete("/consents/{consent_id}", response={204: None}, operation_id="auth_revoke_consent")
def revoke(request: HttpRequest, consent_id: UUID) -> Status[None]:
    """Take it back: the program's sessions end within a second."""
    consents.revoke(actor_of(request), consent_id)
    return Status(204, None)
