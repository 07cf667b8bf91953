"""Operations under /api/v2/gateway/keys."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, Field

from gateway.apikeys import verbs
from gateway.apikeys.token import Scope
from kernel import paging
from saas.api.auth import actor_of

router = Router(tags=["gateway keys"])

PAGE_LIMIT = 200
LONGEST_MICROS = 10**15
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
Network = Annotated[str, Field(min_length=1, max_length=50)]


class KeyChangeIn(Schema):
    """What to change; what is left out stays. An empty list: no restriction."""

    name: str | None = Field(None, min_length=1, max_length=100)
    scopes: list[Scope] | None = None
    allowed_models: list[ModelName] | None = Field(None, max_length=200)
    networks: list[Network] | None = Field(None, max_length=100)
    requests_a_minute: int | None = Field(None, ge=1, le=1_000_000)
    tokens_a_minute: int | None = Field(None, ge=1, le=1_000_000_000)
    expires_at: AwareDatetime | None = None

    def draft(self, **more: object) -> verbs.KeyDraft:
        """As the verb takes it."""
        given = self.model_dump(exclude_unset=True)
        given = {name: value for name, value in given.items() if name in _DRAFTED}
        return verbs.KeyDraft(**given, given=frozenset(given), **more)  # type: ignore[arg-type]  # checked fields


class KeyIn(KeyChangeIn):
    """A new key. `kind` "tenant": a key of the tenant, for its admins to make."""

    name: str = Field(min_length=1, max_length=100)
    kind: Literal["personal", "tenant"] = "personal"
    monthly_micros: int | None = Field(
        None, ge=0, le=LONGEST_MICROS, description="Hard budget a month, in micro-dollars."
    )


_DRAFTED = frozenset(KeyChangeIn.model_fields)


class RotateIn(Schema):
    """For how many seconds the old secret stays good."""

    overlap_s: int = Field(86_400, ge=0, le=30 * 86_400)


class KeyOut(Schema):
    """A key; its secret is told only when it is made or rotated."""

    id: UUID
    name: str
    kind: Literal["personal", "tenant"]
    user_id: UUID
    prefix: str
    scopes: list[str]
    allowed_models: list[str]
    networks: list[str]
    requests_a_minute: int | None
    tokens_a_minute: int | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    previous_until: datetime | None
    created_at: datetime

    @staticmethod
    def resolve_kind(row: object) -> str:
        """From the row."""
        return "personal" if getattr(row, "is_personal", False) else "tenant"


class KeyPage(Schema):
    """Keys, oldest first."""

    items: list[KeyOut]
    next: str | None


class MadeKeyOut(Schema):
    """A key with its secret, which nobody can read again."""

    key: KeyOut
    secret: str


@router.get("", response=KeyPage, operation_id="gateway_keys")
def list_keys(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 50,
    cursor: str | None = None,
) -> dict[str, object]:
    """One's own keys; for tenant admins, all of the tenant."""
    after = paging.decode(cursor, UUID)
    rows = verbs.list_keys(actor_of(request), limit, after[0] if after else None)
    more = len(rows) > limit
    shown = rows[:limit]
    return {"items": shown, "next": paging.encode(shown[-1].id) if more else None}


@router.post("", response={201: MadeKeyOut}, operation_id="gateway_create_key")
def create_key(request: HttpRequest, body: KeyIn) -> Status[object]:
    """Make a key."""
    draft = body.draft(is_personal=body.kind == "personal", monthly_micros=body.monthly_micros)
    return Status(201, verbs.create_key(actor_of(request), draft))


@router.patch("/{key_id}", response=KeyOut, operation_id="gateway_update_key")
def update_key(request: HttpRequest, key_id: UUID, body: KeyChangeIn) -> object:
    """Change a key."""
    return verbs.update_key(actor_of(request), key_id, body.draft())


@router.post("/{key_id}/rotate", response=MadeKeyOut, operation_id="gateway_rotate_key")
def rotate_key(request: HttpRequest, key_id: UUID, body: RotateIn) -> object:
    """Give a key a new secret; budget and usage go on."""
    return verbs.rotate_key(actor_of(request), key_id, body.overlap_s)


@router.delete("/{key_id}", response={204: None}, operation_id="gateway_revoke_key")
def revoke_key(request: HttpRequest, key_id: UUID) -> Status[None]:
    """End a key."""
    verbs.revoke_key(actor_of(request), key_id)
    return Status(204, None)
