"""Setting up models over the API, as a platform admin does."""

from typing import Any

from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web


def use_simulator(web: Web, simulator: SimulatedProvider) -> dict[str, Any]:
    """Make the simulator the default model of the platform."""
    simulator.reset()
    return add_provider(web, simulator.base_url)


def add_provider(
    web: Web, base_url: str, name: str = "Simulator", model: str = "scripted"
) -> dict[str, Any]:
    """A provider of kind "openai-compatible" with one model, set as the default."""
    admin = Client(web, "platform")
    made = admin.post(
        "/gateway/providers",
        {
            "name": name,
            "kind": "openai-compatible",
            "base_url": base_url,
            "api_key": "sk-test-0123456789",
            "models": [{"name": model, "window": 1_000_000, "output_limit": 250_000}],
        },
    )
    assert made.status_code in (200, 201), made.text
    provider = dict(made.json())
    chosen = admin.put(f"/gateway/models/{provider['models'][0]['id']}/default")
    assert chosen.status_code == 200, chosen.text
    return provider


def remove_all(web: Web) -> None:
    """No model at all, known at once in the web process."""
    admin = Client(web, "platform")
    add_provider(web, "http://127.0.0.1:9/v1", "Short-lived")
    for provider in admin.get("/gateway/providers").json()["items"]:
        gone = admin.delete(f"/gateway/providers/{provider['id']}")
        assert gone.status_code in (200, 204), gone.text
