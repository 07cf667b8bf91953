"""The OpenAPI document is kept: no input crashes an operation or is answered off its schema."""

import json
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from somaagent.api import api
from tests.support.web import Client, Web

# These wait for a model or keep a stream open; the chat suites call them with meaning.
LEFT_OUT = "^(messages_send|turns_events|auth_logout|auth_login|auth_change_password)$"


@schemathesis.serializer("application/x-ndjson")
def _lines(ctx: schemathesis.SerializationContext, value: Any) -> Any:
    """Lines of JSON, or whatever a client may send in their place."""
    return value if isinstance(value, bytes | str) else json.dumps(value)


schema = schemathesis.openapi.from_dict(api.get_openapi_schema(path_prefix="/api/v2/")).exclude(
    operation_id_regex=LEFT_OUT
)


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_input_crashes_an_operation(case: Any, web: Web, no_model: None) -> None:
    client = _signed_in(web)
    answer = case.call(
        base_url=web.base,
        headers={"X-CSRF-Token": client.me["csrf_token"]},
        cookies=dict(client.http.cookies),
    )
    case.validate_response(answer, checks=(not_a_server_error, response_schema_conformance))
    if answer.status_code >= 400 and answer.status_code != 405:
        assert answer.headers["content-type"][0].startswith("application/problem+json")
        body = answer.json()
        assert {"type", "title", "status", "detail", "instance", "code"} <= set(body)
        assert "Traceback" not in answer.text


_clients: dict[str, Client] = {}


def _signed_in(web: Web) -> Client:
    client = _clients.get(web.base)
    if client is None or client.get("/auth/me").status_code != 200:
        client = _clients[web.base] = Client(web, "platform")
    return client
