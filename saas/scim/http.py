"""The protocol of RFC 7644: addresses, methods, bodies and errors, each in the standard's shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    PayloadTooLargeException,
    ResourceType,
    ResponseParameters,
    Schema,
    SearchRequest,
)

from kernel.text import UnstorableText, checked
from saas.api.auth import BEARER, address_of, request_id_of
from saas.scim import bulk
from saas.scim.acts import KINDS, REFUSALS, Acts, MethodNotAllowed, error_of
from saas.scim.connection import authenticate, base_url
from saas.scim.resources import BULK_BYTES, CONFIG, PATCHING, PROVIDER, WRITING
from saas.scim.versions import Conditions, names

CONTENT_TYPE = "application/scim+json"
# A list that is asked for in a body (RFC 7644, section 3.4.3).
SEARCH = ".search"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a directory is told."""

    status: int
    body: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> HttpResponse:
        """As it goes out."""
        content = b"" if self.body is None else json.dumps(self.body).encode()
        headers = {"Cache-Control": "no-store", **self.headers}
        return HttpResponse(content, status=self.status, content_type=CONTENT_TYPE, headers=headers)


def answer(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer a directory. `rest`: the address below /scim/v2/."""
    try:
        secret = request.headers.get("Authorization", "").removeprefix(BEARER)
        actor, default_role = authenticate(secret, request_id_of(request), address_of(request))
        call = _Call(request, Acts(actor, default_role, base_url()))
        return call.dispatch(rest.strip("/").split("/")).response()
    except REFUSALS as refusal:
        return _refused(error_of(refusal)).response()


class _Call:
    """One request of a directory."""

    def __init__(self, request: HttpRequest, acts: Acts) -> None:
        self._request, self._acts = request, acts
        of = request.headers
        self._conditions = Conditions(of.get("If-Match", ""), of.get("If-None-Match", ""))

    def dispatch(self, parts: list[str]) -> Answer:
        """Find what is asked for. Raises: REFUSALS."""
        kind, given_id = parts[0], parts[1] if len(parts) == 2 else None
        if len(parts) > 2:
            raise NotFoundException(detail="There is nothing at this address.")
        if kind in KINDS:
            return self._one(kind, given_id) if given_id else self._all(kind)
        if parts == ["Bulk"]:
            return self._bulk()
        if parts == ["Me"]:
            # Section 3.11: whoever asks is a directory and no person.
            raise NotImplementedException(detail="A directory is nobody.")
        if kind == SEARCH:
            raise NotImplementedException(detail="Search users or groups, not both at once.")
        if self._request.method != "GET":
            raise MethodNotAllowed
        return Answer(200, self._description(kind, given_id))

    def _all(self, kind: str) -> Answer:
        if self._request.method == "GET":
            return self._found(kind, _storable(self._request.GET.dict()))
        if self._request.method != "POST":
            raise MethodNotAllowed
        made = self._acts.create(kind, self._given(kind, Context.RESOURCE_CREATION_REQUEST))
        shown = self._shown(made, Context.RESOURCE_CREATION_RESPONSE)
        return Answer(201, shown.body, {**shown.headers, "Location": str(made.meta.location)})

    def _found(self, kind: str, asked: Any) -> Answer:
        model: Any = KINDS[kind][0]
        search = SearchRequest[model].model_validate(
            asked, scim_ctx=Context.SEARCH_REQUEST, scim_policy=WRITING
        )
        found = self._acts.find(kind, search)
        context = Context.RESOURCE_QUERY_RESPONSE
        return Answer(200, found.model_dump(scim_ctx=context, response_parameters=search))

    def _one(self, kind: str, given_id: str) -> Answer:
        match self._request.method:
            case "POST" if given_id == SEARCH:
                return self._found(kind, self._body())
            case "GET":
                return self._seen(kind, given_id)
            case "PUT":
                given = self._given(kind, Context.RESOURCE_REPLACEMENT_REQUEST)
                made = self._acts.change(kind, given_id, given, self._conditions)
                return self._shown(made, Context.RESOURCE_REPLACEMENT_RESPONSE)
            case "PATCH":
                operations = self._operations(kind)
                made = self._acts.change(kind, given_id, operations, self._conditions)
                return self._shown(made, Context.RESOURCE_PATCH_RESPONSE)
            case "DELETE":
                self._acts.remove(kind, given_id, self._conditions)
                return Answer(204)
            case _:
                raise MethodNotAllowed

    def _seen(self, kind: str, given_id: str) -> Answer:
        found = self._acts.see(kind, given_id)
        if names(self._conditions.if_none_match, found.meta.version):
            return Answer(304, headers={"ETag": found.meta.version})
        return self._shown(found, Context.RESOURCE_QUERY_RESPONSE)

    def _bulk(self) -> Answer:
        if self._request.method != "POST":
            raise MethodNotAllowed
        if len(self._request.body) > BULK_BYTES:
            raise PayloadTooLargeException(detail=f"At most {BULK_BYTES} bytes are taken at once.")
        return Answer(200, bulk.run(self._acts, self._body()))

    def _shown(self, found: Any, context: Context) -> Answer:
        """With the attributes that were asked for (RFC 7644, section 3.9)."""
        asked: ResponseParameters[Any] = ResponseParameters.model_validate(
            {
                name: self._request.GET[name]
                for name in ("attributes", "excludedAttributes")
                if name in self._request.GET
            }
        )
        body = found.model_dump(scim_ctx=context, response_parameters=asked)
        return Answer(200, body, {"ETag": found.meta.version})

    def _given(self, kind: str, context: Context) -> Any:
        model = KINDS[kind][0]
        return model.model_validate(self._body(), scim_ctx=context, scim_policy=WRITING)

    def _operations(self, kind: str) -> Any:
        model: Any = KINDS[kind][0]
        return PatchOp[model].model_validate(
            self._body(), scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=PATCHING
        )

    def _body(self) -> Any:
        try:
            return _storable(json.loads(self._request.body))
        except (ValueError, RecursionError) as exc:
            raise InvalidSyntaxException(detail="The body is not JSON.") from exc

    def _description(self, kind: str, given_id: str | None) -> dict[str, Any]:
        context = Context.RESOURCE_QUERY_RESPONSE
        if kind == "ServiceProviderConfig" and given_id is None:
            return dict(CONFIG.model_dump(scim_ctx=context))
        listed: dict[str, tuple[Any, Any]] = {
            "ResourceTypes": (ResourceType, PROVIDER.resource_types),
            "Schemas": (Schema, PROVIDER.schemas),
        }
        if kind not in listed:
            raise NotFoundException(detail="There is nothing at this address.")
        model, rows = listed[kind]
        if given_id is None:
            return dict(_list(model, list(rows)).model_dump(scim_ctx=context))
        for row in rows:
            if given_id in (row.id, getattr(row, "name", None)):
                return dict(row.model_dump(scim_ctx=context))
        raise NotFoundException(detail="There is nothing at this address.")


def _storable(given: Any) -> Any:
    """What was given, if each of its texts can be kept. Raises: InvalidValueException."""
    if isinstance(given, str):
        try:
            return checked(given, "")
        except UnstorableText as exc:
            raise InvalidValueException(detail=exc.detail) from exc
    if isinstance(given, dict):
        return {_storable(name): _storable(value) for name, value in given.items()}
    return [_storable(one) for one in given] if isinstance(given, list) else given


def _list(model: Any, rows: list[Any]) -> Any:
    count = len(rows)
    return ListResponse[model](
        total_results=count, start_index=1, items_per_page=count, resources=rows
    )


def _refused(error: Error) -> Answer:
    asks = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return Answer(error.status or 400, error.model_dump(), asks)
