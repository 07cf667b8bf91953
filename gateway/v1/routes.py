"""What a request to `/v1` asks of the router, and the shadow that it casts."""

from collections.abc import Mapping

import orjson
from django.conf import settings

from gateway.apikeys.principal import Principal
from gateway.errors import ModelBadResponse
from gateway.ledger.metrics import Tokens
from gateway.ledger.rules import Caller
from gateway.parts import Timeouts
from gateway.ports import Endpoint, RawCall
from gateway.router import MODELS
from gateway.routing import shadow
from gateway.routing.choosing import AUTO, DEFAULT, NoModelFits, Route, Wish, routed
from gateway.routing.engine import Need
from gateway.v1.asking import PATHS, Ask, parts
from gateway.v1.events import usage_of
from gateway.v1.shape import ApiError

# Of an answer whose length nobody limited.
USUAL_OUTPUT = 1_000
SHADOW_LIMIT_BYTES = 4 * 1024 * 1024
PART_KINDS = {"image_url": "vision", "input_audio": "audio"}


async def route_of(caller: Caller, principal: Principal, ask: Ask) -> Route:
    """The models that a request may be given. Raises: ApiError (404, 403), NoModelFits."""
    snapshot = await MODELS.get().snapshot()
    found = snapshot.by_name.get(ask.model, [])
    is_open = ask.kind in {"chat", "completion"} and ask.model in {AUTO, DEFAULT} and not found
    if not found and not (is_open and snapshot.endpoints):
        raise _unknown(ask.model)
    wish = Wish(
        _need(ask),
        ask.model,
        tuple(one.model_id for one in found if one.model_id is not None),
        only_named=not is_open,
        affinity=_affinity(caller, ask),
        key_models=frozenset(principal.allowed_models),
    )
    try:
        return await routed(caller, ask.kind, wish)
    except NoModelFits as none:
        if is_open:
            raise
        raise _refused(ask.model, none) from none


def cast_shadow(route: Route, ask: Ask) -> None:
    """Ask the second model what this request asked, if it was drawn for that."""
    other = route.shadow
    if other is None or ask.kind != "chat":
        return
    most = Tokens(ask.input_bound, ask.output_limit or other.output_limit * ask.choices)
    shadow.cast(other, most, lambda: _asked(other, ask))


async def _asked(endpoint: Endpoint, ask: Ask) -> Tokens | None:
    """The tokens that the answer took, asked for in one piece. Raises: ModelError."""
    fields = {name: value for name, value in ask.fields.items() if name != "stream_options"}
    fields |= {"model": endpoint.model, "stream": False}
    total_s = settings.SOMA.model_total_s
    timeouts = Timeouts(settings.SOMA.model_first_token_s, idle_s=total_s, total_s=total_s)
    call = RawCall(PATHS[ask.kind], orjson.dumps(fields), fields, timeouts, attempts=1)
    answer = await MODELS.get().relay(call, endpoint)
    try:
        body = b""
        while piece := await answer.read():
            body += piece
            if len(body) > SHADOW_LIMIT_BYTES:
                raise ModelBadResponse
    finally:
        answer.close()
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ModelBadResponse from exc
    return usage_of(told) if isinstance(told, dict) else None


def _need(ask: Ask) -> Need:
    able = {"text"}
    fields = ask.fields
    if fields.get("tools") or fields.get("functions"):
        able.add("tools")
    wanted = fields.get("response_format")
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        able.add("json_schema")
    if fields.get("reasoning_effort") or fields.get("reasoning"):
        able.add("reasoning")
    kinds = {part.get("type") for part in parts(fields)}
    able |= {able for kind, able in PART_KINDS.items() if kind in kinds}
    output = USUAL_OUTPUT if ask.output_limit is None else ask.output_limit
    return Need(frozenset(able), ask.input_estimate, output)


def _affinity(caller: Caller, ask: Ask) -> str:
    """What OpenAI's clients say of calls that belong together."""
    said = ask.fields.get("prompt_cache_key") or ask.fields.get("user")
    return f"{caller.key_id}:{said}" if isinstance(said, str) else ""


def _refused(name: str, none: NoModelFits) -> ApiError:
    """Who may not use a model does not learn that there is one."""
    if none.is_forbidden:
        return _unknown(name)
    return ApiError(403, "model_not_allowed", f"{none.detail}", param="model")


def _unknown(name: str) -> ApiError:
    message = f"The model '{name}' does not exist or you do not have access to it."
    return ApiError(404, "model_not_found", message, param="model")
