"""`/v1/responses`: create, stream, read and delete; what went before by `previous_response_id`.

Asked of the provider as a streamed chat completion, whoever wants it whole or as events: the
translation is `responses_wire`, the call itself is everybody's (`calls`, `agents`).
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from gateway.apikeys.principal import Principal
from gateway.ledger.rules import NOBODY
from gateway.models import StoredResponse
from gateway.v1.asking import Ask, read
from gateway.v1.calls import Call
from gateway.v1.events import Cutter
from gateway.v1.responses_wire import Folding, Json, chat_fields
from gateway.v1.shape import ApiError
from kernel.actor import Scope
from kernel.clock import now
from kernel.db import in_unit, platform_unit, unit_of_work
from kernel.holding import held_tenants
from kernel.text import scrubbed

KEPT_FOR = timedelta(days=30)
ID_PREFIX = "resp_"


async def asked(principal: Principal, body: bytes) -> tuple[Json, Ask]:
    """The request, and the chat completion that it means. Raises: ApiError."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ApiError(400, "invalid_json", "The body is not valid JSON.") from exc
    if not isinstance(fields, dict):
        raise ApiError(400, "invalid_json", "The body is not a JSON object.")
    before: list[Json] = []
    if previous := fields.get("previous_response_id"):
        row = await in_unit(_find, principal, str(previous))
        before = row.messages
    return fields, read("chat", orjson.dumps(chat_fields(fields, before)))


async def events(
    call: Call, fields: Json, chunks: AsyncGenerator[bytes, None]
) -> AsyncGenerator[Json, None]:
    """The events of the response; it is stored before the last one is told."""
    folding = Folding(f"{ID_PREFIX}{call.call_id.hex}", int(time.time()), fields)
    for event in folding.begin():
        yield event
    cutter = Cutter()
    error: Json | None = None
    async with aclosing(chunks):
        async for piece in chunks:
            for data in _payloads(cutter.feed(piece)):
                error = data.get("error") or error
                for event in folding.take(data):
                    yield event
    closing = list(folding.fail(error) if error else folding.end())
    if error is None and fields.get("store", True):
        said = [one for one in call.ask.fields["messages"] if one.get("role") != "system"]
        kept = [*said, *folding.messages()]
        await in_unit(_keep, call.principal, call.call_id, kept, closing[-1]["response"])
    for event in closing:
        yield event


async def as_stream(found: AsyncGenerator[Json, None]) -> AsyncGenerator[bytes, None]:
    """The events as server-sent events."""
    async with aclosing(found):
        async for event in found:
            yield b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))


async def as_whole(found: AsyncGenerator[Json, None]) -> Json:
    """The response object of the last event."""
    last: Json = {}
    async with aclosing(found):
        async for event in found:
            last = event
    body: Json = last["response"]
    return body


async def see(principal: Principal, response_id: str) -> Json:
    """A response that was stored. Raises: ApiError."""
    body: Json = (await in_unit(_find, principal, response_id)).body
    return body


async def forget(principal: Principal, response_id: str) -> Json:
    """Delete a stored response. Raises: ApiError."""
    await in_unit(_delete, principal, response_id)
    return {"id": response_id, "object": "response", "deleted": True}


def forget_expired() -> int:
    """Delete what is past its time. Returns how many."""
    with platform_unit("gateway: responses") as alias:
        old = StoredResponse.objects.using(alias).filter(expires_at__lt=now())
        return int(old.exclude(tenant_id__in=held_tenants()).delete()[0])


def _owner(principal: Principal) -> UUID:
    return principal.actor.user_id if principal.actor.kind == "user" else NOBODY


def _find(principal: Principal, response_id: str) -> StoredResponse:
    with unit_of_work(Scope(principal.tenant_id)):
        return _row(principal, response_id)


def _delete(principal: Principal, response_id: str) -> None:
    with unit_of_work(Scope(principal.tenant_id)):
        _row(principal, response_id).delete()


def _row(principal: Principal, response_id: str) -> StoredResponse:
    try:
        row_id = UUID(hex=response_id.removeprefix(ID_PREFIX))
    except ValueError:
        row_id = NOBODY
    row: StoredResponse | None = StoredResponse.objects.filter(
        id=row_id, user_id=_owner(principal), expires_at__gt=now()
    ).first()
    if row is None:
        message = f"The response '{response_id[:60]}' does not exist."
        raise ApiError(404, "response_not_found", message, param="previous_response_id")
    return row


def _keep(principal: Principal, row_id: UUID, messages: list[Json], body: Json) -> None:
    with unit_of_work(Scope(principal.tenant_id)):
        StoredResponse.objects.create(
            id=row_id,
            user_id=_owner(principal),
            messages=_storable(messages),
            body=_storable(body),
            expires_at=now() + KEPT_FOR,
        )


def _storable(value: Any) -> Any:
    """Without the characters that PostgreSQL does not take."""
    return orjson.loads(scrubbed(orjson.dumps(value).decode().replace("\\u0000", "")))


def _payloads(found: list[bytes]) -> list[Json]:
    payloads = (event[6:].strip() for event in found if event.startswith(b"data: "))
    return [orjson.loads(one) for one in payloads if one != b"[DONE]"]
