"""The memory port of `manage.py brain`, spoken to by the adapter that a product falls back on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from kernel.ids import uuid7
from memory.brain_http import original
from memory.brain_http.fractal import FractalMemory
from memory.errors import NoSuchMemory
from memory.ports import MemoryItem, MemoryScope, RecallQuery
from tests.support.brain_service import BrainService, platform_token, tenant_token
from tests.support.web import running

PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def service(servers: None, var_dir: Path) -> Iterator[BrainService]:
    with running(BrainService(var_dir)) as process:
        yield process


@pytest.fixture
def store(service: BrainService, database: None) -> FractalMemory:
    return FractalMemory(service.memory_base, platform_token())


def someone() -> MemoryScope:
    return MemoryScope(uuid7(), uuid7(), uuid7())


def keep(store: FractalMemory, scope: MemoryScope, text: str, key: str = "one") -> UUID:
    memory_id = original.memory_id_of(scope, key)
    item = MemoryItem(text, "user", datetime(2026, 3, 1, 9, tzinfo=UTC), key)
    store.store(scope, [original.value_of(scope, item, memory_id)], PATIENCE_S)
    return memory_id


def test_what_the_fallback_keeps_is_read_found_and_forgotten(store: FractalMemory) -> None:
    scope, other = someone(), someone()
    memory_id = keep(store, scope, "Miso caught a mouse on the stairs.")
    assert store.get(scope, memory_id, PATIENCE_S).text == "Miso caught a mouse on the stairs."
    (found,) = store.search(scope, RecallQuery("Which mouse did Miso catch?"), PATIENCE_S)
    assert found.memory_id == memory_id
    assert store.search(other, RecallQuery("Which mouse did Miso catch?"), PATIENCE_S) == ()
    with pytest.raises(NoSuchMemory):
        store.get(other, memory_id, PATIENCE_S)
    assert store.forget(other, [memory_id], PATIENCE_S) == 0
    assert store.forget(scope, [memory_id], PATIENCE_S) == 1
    with pytest.raises(NoSuchMemory):
        store.get(scope, memory_id, PATIENCE_S)
    assert store.probe().ok


def test_equal_places_of_two_tenants_never_meet(service: BrainService, database: None) -> None:
    tenants = [uuid7(), uuid7()]
    for number, tenant in enumerate(tenants):
        with _client(service, tenant_token(tenant)) as client:
            body = {"coord": "1,2,3", "payload": {"text": f"secret {number}"}}
            assert client.post("/memories", json=body).status_code == 200
    for number, tenant in enumerate(tenants):
        with _client(service, tenant_token(tenant)) as client:
            # One place, however it is written.
            seen = client.get("/memories/1.0, 2.0, 3.0").json()["memory"]
            assert seen["payload"] == {"text": f"secret {number}"}
            hits = client.post("/memories/search", json={"query": "secret"}).json()["memories"]
            assert [one["payload"]["text"] for one in hits] == [f"secret {number}"]
            foreign = client.get("/memories/1,2,3", headers={"X-Tenant-ID": str(uuid7())})
            assert foreign.status_code == 403


def test_kinds_and_filters_always_hold(service: BrainService, database: None) -> None:
    with _client(service, tenant_token(uuid7())) as client:
        for place, (colour, kind) in enumerate((("red", "episodic"), ("blue", "semantic"))):
            payload = {"text": f"A {colour} boat lies in the harbour.", "colour": colour}
            body = {"coord": f"{place}", "payload": payload, "memory_type": kind}
            client.post("/memories", json=body)

        def found(**more: object) -> list[str]:
            hits = client.post("/memories/search", json={"query": "boats"} | more).json()
            return [one["payload"]["colour"] for one in hits["memories"]]

        assert sorted(found()) == ["blue", "red"]
        assert found(filters={"colour": "blue"}) == ["blue"]
        assert found(memory_type="episodic") == ["red"]
        assert len(found(top_k=1)) == 1
        assert found(filters={"colour": "green"}) == []
        assert client.get("/stats").json() == {"total_memories": 2, "episodic": 1, "semantic": 1}
        assert client.delete("/memories/0").json() == {"coord": "0", "deleted": True}
        assert client.delete("/memories/0").json()["deleted"] is False


@pytest.mark.parametrize("coord", ["", "a,b", "nan", "1,inf", ",", "1," * 65 + "1"])
def test_what_is_no_place_is_refused(service: BrainService, database: None, coord: str) -> None:
    with _client(service, tenant_token(uuid7())) as client:
        answer = client.post("/memories", json={"coord": coord, "payload": {"text": "x"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-memory")


def test_without_a_key_nothing_is_served(service: BrainService, database: None) -> None:
    with httpx.Client(base_url=service.memory_base, timeout=PATIENCE_S) as client:
        assert client.get("/memories/1,2").status_code == 401
        assert client.get("/readyz").status_code == 200
        assert client.get("/memory/recent").status_code == 404


def _client(service: BrainService, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=service.memory_base, headers=headers, timeout=PATIENCE_S)
