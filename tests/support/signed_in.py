"""A signed-in person in this process: Django's client with cookie and CSRF token."""

from typing import Any

from django.test import Client

from tests.support.cast import PASSWORD


class Person:
    """Speaks JSON to /api/v2; paths are below it.  `headers` by their usual names.

    A body of bytes goes as JSON lines.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v2{path}", query)

    def post(
        self, path: str, body: Any = None, query: dict[str, str] | None = None, **headers: str
    ) -> Any:
        return self._send("post", path, body, headers, query)

    def put(self, path: str, body: Any = None) -> Any:
        return self._send("put", path, body, {})

    def patch(self, path: str, body: Any = None) -> Any:
        return self._send("patch", path, body, {})

    def delete(self, path: str) -> Any:
        return self._send("delete", path, None, {})

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        query: dict[str, str] | None = None,
    ) -> Any:
        call = getattr(self.client, method)
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        content = {} if body is None else {"data": body, "content_type": kind}
        return call(f"/api/v2{path}", headers=headers, query_params=query, **content)


def signed_in(name: str) -> Person:
    """A person of the cast."""
    client = Client(headers={"host": "127.0.0.1"})
    body = {"email": f"{name}@example.org", "password": PASSWORD}
    answer = client.post("/api/v2/auth/login", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    client.defaults["HTTP_X_CSRF_TOKEN"] = answer.json()["csrf_token"]
    return Person(client)
