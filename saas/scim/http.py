"""The protocol of RFC 7644: addresses, methods, bodies and errors, each in the standard's shape."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    Group,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    ResourceType,
    ResponseParameters,
    Schema,
    SCIMException,
    SearchRequest,
)

from kernel.actor import Actor
from kernel.errors import SomaError
from kernel.text import UnstorableText, checked
from saas.api.auth import BEARER, address_of, request_id_of
from saas.scim import groups, users
from saas.scim.connection import authenticate, base_url
from saas.scim.resources import CONFIG, PATCHING, PROVIDER, WRITING, Person

CONTENT_TYPE = "application/scim+json"
# A list that is asked for in a body (RFC 7644, section 3.4.3).
SEARCH = ".search"
Answer = tuple[int, dict[str, Any] | None]


def answer(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer a directory. `rest`: the address below /scim/v2/."""
    try:
        secret = request.headers.get("Authorization", "").removeprefix(BEARER)
        actor, default_role = authenticate(secret, request_id_of(request), address_of(request))
        status, body = _Call(request, actor, default_role).dispatch(rest.strip("/").split("/"))
    except SCIMException as exc:
        return _refused(exc.to_error())
    except ValidationError as exc:
        return _refused(Error.from_validation_errors(exc)[0])
    except SomaError as exc:
        return _refused(Error(status=exc.status, detail=exc.detail))
    return _response(status, body)


class _Call:
    """One request of a directory."""

    def __init__(self, request: HttpRequest, actor: Actor, default_role: str) -> None:
        self._request, self._actor, self._default_role = request, actor, default_role
        self._base = base_url()

    def dispatch(self, parts: list[str]) -> Answer:
        """Find what is asked for. Raises: SCIMException, ValidationError, SomaError."""
        kind, given_id = parts[0], parts[1] if len(parts) == 2 else None
        of_resource: dict[str, tuple[Any, Any]] = {
            "Users": (Person, users), "Groups": (Group, groups),
        }  # fmt: skip
        if len(parts) > 2:
            raise NotFoundException(detail="There is nothing at this address.")
        if kind in of_resource:
            model, verbs = of_resource[kind]
            return self._one(model, verbs, given_id) if given_id else self._all(model, verbs)
        if kind == SEARCH:
            raise NotImplementedException(detail="Search users or groups, not both at once.")
        if self._request.method != "GET":
            raise _NotAllowed
        return 200, self._description(kind, given_id)

    def _all(self, model: Any, verbs: Any) -> Answer:
        if self._request.method == "GET":
            return 200, self._found(model, verbs, _storable(self._request.GET.dict()))
        if self._request.method != "POST":
            raise _NotAllowed
        given = self._given(model, Context.RESOURCE_CREATION_REQUEST)
        more = (self._default_role,) if verbs is users else ()
        made = verbs.create(self._actor, given, *more, self._base)
        return 201, self._shown(made, Context.RESOURCE_CREATION_RESPONSE)

    def _found(self, model: Any, verbs: Any, asked: Any) -> dict[str, Any]:
        search = SearchRequest[model].model_validate(
            asked, scim_ctx=Context.SEARCH_REQUEST, scim_policy=WRITING
        )
        found = verbs.find(self._actor, search, self._base)
        context = Context.RESOURCE_QUERY_RESPONSE
        return dict(found.model_dump(scim_ctx=context, response_parameters=search))

    def _one(self, model: Any, verbs: Any, given_id: str) -> Answer:
        if given_id == SEARCH and self._request.method == "POST":
            return 200, self._found(model, verbs, self._body())
        acts: dict[str | None, Callable[[], Answer]] = {
            "GET": lambda: (200, self._seen(verbs, given_id)),
            "PUT": lambda: (200, self._replaced(model, verbs, given_id)),
            "PATCH": lambda: (200, self._patched(model, verbs, given_id)),
            "DELETE": lambda: (204, verbs.remove(self._actor, given_id)),
        }
        act = acts.get(self._request.method)
        if act is None:
            raise _NotAllowed
        return act()

    def _seen(self, verbs: Any, given_id: str) -> dict[str, Any]:
        found = verbs.see(self._actor, given_id, self._base)
        return self._shown(found, Context.RESOURCE_QUERY_RESPONSE)

    def _replaced(self, model: Any, verbs: Any, given_id: str) -> dict[str, Any]:
        given = self._given(model, Context.RESOURCE_REPLACEMENT_REQUEST)
        made = verbs.change(self._actor, given_id, self._base, lambda _: given)
        return self._shown(made, Context.RESOURCE_REPLACEMENT_RESPONSE)

    def _patched(self, model: Any, verbs: Any, given_id: str) -> dict[str, Any]:
        operations = PatchOp[model].model_validate(
            self._body(), scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=PATCHING
        )

        def apply(known: Any) -> Any:
            operations.patch(known, scim_policy=PATCHING)
            return known

        made = verbs.change(self._actor, given_id, self._base, apply)
        return self._shown(made, Context.RESOURCE_PATCH_RESPONSE)

    def _shown(self, found: Any, context: Context) -> dict[str, Any]:
        """With the attributes that were asked for (RFC 7644, section 3.9)."""
        names = ("attributes", "excludedAttributes")
        asked: ResponseParameters[Any] = ResponseParameters.model_validate(
            {name: self._request.GET[name] for name in names if name in self._request.GET}
        )
        return dict(found.model_dump(scim_ctx=context, response_parameters=asked))

    def _given(self, model: Any, context: Context) -> Any:
        return model.model_validate(self._body(), scim_ctx=context, scim_policy=WRITING)

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


class _MethodNotAllowed(SCIMException):
    status = 405
    _default_detail = "This cannot be done at this address."


_NotAllowed = _MethodNotAllowed()


def _refused(error: Error) -> HttpResponse:
    response = _response(error.status or 400, error.model_dump())
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _response(status: int, body: dict[str, Any] | None) -> HttpResponse:
    content = b"" if body is None else json.dumps(body).encode()
    response = HttpResponse(content, status=status, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response
