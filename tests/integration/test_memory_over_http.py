"""The web process with its brain behind HTTP: the same operations, the same answers."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from kernel.clock import now
from kernel.db import unit_of_work
from memory.brain_http import HttpBrain
from memory.ports import BRAIN, MemoryItem, MemoryScope
from memory.tasks import enforce_retention
from saas.models import AuditEntry
from tests.support.brain_service import BrainService, platform_token
from tests.support.cast import Cast
from tests.support.signed_in import signed_in
from tests.support.web import eventually, running


@pytest.fixture(scope="module")
def service(servers: None, var_dir: Path) -> Iterator[BrainService]:
    """`manage.py brain`, really started, once for this file."""
    with running(BrainService(var_dir)) as process:
        yield process


@pytest.fixture(autouse=True)
def remote_brain(service: BrainService, database: None) -> Iterator[None]:
    before = BRAIN.get()
    BRAIN.bind(HttpBrain(service.base, platform_token()))
    yield
    BRAIN.bind(before)


def test_a_memory_lives_from_its_writing_to_its_forgetting(cast: Cast, agent_id: UUID) -> None:
    ann = signed_in("ann")
    note = {"agent_id": str(agent_id), "text": "My sister Ingrid lives in Oslo."}
    first = ann.post("/memory", note, **{"Idempotency-Key": "note"})
    assert first.status_code == 201, first.content
    memory_id = first.json()["memory_id"]
    repeated = ann.post("/memory", note, **{"Idempotency-Key": "note"})
    assert repeated.json()["memory_id"] == memory_id
    empty = ann.post("/memory", note | {"text": " "})
    assert (empty.status_code, empty.json()["code"]) == (422, "empty-memory")

    new = ann.patch(f"/memory/{memory_id}", {"text": "My sister Ingrid lives in Bergen."})
    assert new.status_code == 200, new.content
    assert new.json()["supersedes"] == [memory_id]
    late = ann.patch(f"/memory/{memory_id}", {"text": "My sister Ingrid lives in Bodø."})
    assert (late.status_code, late.json()["code"]) == (409, "already-corrected")

    found = ann.get("/memory/search", q="Where does Ingrid live?").json()["items"]
    told = {one["text"]: one["superseded_by"] for one in found}
    assert told == {
        "My sister Ingrid lives in Oslo.": new.json()["memory_id"],
        "My sister Ingrid lives in Bergen.": None,
    }
    assert ann.get("/memory/stats").json()["superseded"] == 1
    # The service computes meanings and names by itself.
    eventually(lambda: ann.get("/memory/pending").json()["waiting"] == 0, "stays pending")
    labels = {node["label"] for node in ann.get("/memory/graph", name="ingrid").json()["nodes"]}
    assert labels == {"ingrid", *told}

    lines = b"".join(ann.get("/memory/export").streaming_content)
    assert {json.loads(line)["text"] for line in lines.splitlines()} == set(told)

    foreign = signed_in("bob").delete(f"/memory/{memory_id}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "no-such-memory")
    proof = ann.delete(f"/memory/{memory_id}").json()
    assert (proof["memories"], proof["left"], proof["stores"]["embeddings"]) == (1, 0, 1)
    assert ann.post("/memory/delete", {"everything": True}).json()["memories"] == 1
    assert ann.get("/memory/recent").json()["items"] == []
    query = {"agent_id": str(agent_id)}
    assert ann.post("/memory/import", lines, query).json()["kept"] == 2
    again = ann.get("/memory/recent").json()["items"]
    assert sum(one["superseded_by"] is not None for one in again) == 1


def test_cognition_is_changed_watched_and_undone(cast: Cast, agent_id: UUID) -> None:
    admin = signed_in("admin")
    body = {"agent_id": str(agent_id), "weights": {"alpha": 2.0}, "reason": "bolder"}
    assert admin.post("/cognitive/adjust", body).json()["weights"]["alpha"] == 2.0
    history = admin.get("/cognitive/adaptation", agent_id=str(agent_id)).json()["history"]
    assert [(one["cause"], one["reason"]) for one in history] == [("adjust", "bolder")]
    undone = admin.post("/cognitive/rollback", {"agent_id": str(agent_id)}).json()
    assert undone["weights"]["alpha"] == 1.0
    refused = admin.post("/cognitive/adjust", body | {"weights": {"alpha": 1e6}})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad-memory")
    assert refused.json()["errors"][0]["pointer"] == "/weights/alpha"
    started = admin.post("/cognitive/sleep-cycle", {"agent_id": str(agent_id), "dry_run": True})
    assert started.status_code == 202
    with unit_of_work(cast.acme):
        rows = AuditEntry.objects.filter(action__startswith="cognition.")
        acts = sorted(rows.values_list("action", flat=True))
    assert acts == ["cognition.adjusted", "cognition.rolled_back"]


def test_what_is_past_its_time_is_forgotten_there_too(cast: Cast, agent_id: UUID) -> None:
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, agent_id)
    for age in (1, 100):
        said_at = now() - timedelta(days=age)
        BRAIN.get().remember(scope, MemoryItem(f"{age} days ago.", "user", said_at, f"k{age}"))
    signed_in("ann").put("/memory/retention", {"days": 10})
    assert enforce_retention() == 1
    (left,) = signed_in("ann").get("/memory/recent").json()["items"]
    assert left["text"] == "1 days ago."
