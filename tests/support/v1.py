"""Programs that call `/v1`: keys, clients, and what the ledger says afterwards."""

from typing import Any

import httpx
from openai import OpenAI

from tests.support.web import Client, Web, eventually


def make_key(web: Web, name: str = "ann", **fields: Any) -> dict[str, Any]:
    """A key of that person: {key, secret}."""
    made = Client(web, name).post("/gateway/keys", {"name": "Test", **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


def openai_client(web: Web, secret: str, **options: Any) -> OpenAI:
    """The official client, without its own retries."""
    # The environment's proxies are not for this machine.
    http = httpx.Client(trust_env=False, timeout=30)
    base_url = f"{web.base}/v1"
    return OpenAI(api_key=secret, base_url=base_url, max_retries=0, http_client=http, **options)


def calls(web: Web, name: str = "admin", expected: int = 1) -> list[dict[str, Any]]:
    """The recorded calls, newest first, as soon as there are as many as expected."""
    admin = Client(web, name)

    def look() -> list[dict[str, Any]] | None:
        items = admin.get("/gateway/calls").json()["items"]
        return items if len(items) >= expected else None

    return list(eventually(look, "the calls were not recorded", deadline_s=10))
