"""A signed-in person in this process: Django's client with cookie and CSRF token."""

from django.test import Client

from tests.support.cast import PASSWORD


def signed_in(name: str) -> Client:
    """The client of a person of the cast."""
    client = Client(headers={"host": "127.0.0.1"})
    body = {"email": f"{name}@example.org", "password": PASSWORD}
    answer = client.post("/api/v2/auth/login", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    client.defaults["HTTP_X_CSRF_TOKEN"] = answer.json()["csrf_token"]
    return client
