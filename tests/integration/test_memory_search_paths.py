"""The two dense scans agree: exact for users with few memories, HNSW for users with many."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from kernel.db import unit_of_work
from kernel.ids import uuid7
from memory.brain_embedded import EmbeddedBrain, search, statements
from memory.embedding.minilm import Embedder
from memory.ports import MemoryItem, MemoryScope, RecallQuery
from memory.recall import Asked

FACTS = json.loads((Path(__file__).parents[1] / "unit/memory/facts.json").read_text("utf-8"))
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def crowd(database: None) -> tuple[EmbeddedBrain, list[MemoryScope]]:
    """Twenty users of one tenant with the same facts: the index returns mostly foreign rows."""
    embedder = Embedder()
    embedder.warm_up()
    brain = EmbeddedBrain(embedder, lambda: None)
    tenant_id, agent_id = uuid7(), uuid7()
    scopes = [MemoryScope(tenant_id, uuid7(), agent_id) for _ in range(20)]
    said = [fact["said"] for fact in FACTS["facts"]] + FACTS["around"]
    for scope in scopes:
        items = [
            MemoryItem(text, "user", START + timedelta(hours=n), f"{scope.user_id}:{n}")
            for n, text in enumerate(said)
        ]
        brain.remember_many(scope, items)
    assert brain.settle() == 20 * len(said)
    return brain, scopes


def answers(brain: EmbeddedBrain, scope: MemoryScope) -> list[list[str]]:
    queries = [RecallQuery(fact["asked"], limit=3, timeout_s=10) for fact in FACTS["facts"]]
    return [[one.text for one in brain.recall(scope, query)] for query in queries]


def test_hnsw_finds_what_the_exact_scan_finds(
    crowd: tuple[EmbeddedBrain, list[MemoryScope]], monkeypatch: pytest.MonkeyPatch
) -> None:
    brain, scopes = crowd
    exact = answers(brain, scopes[7])
    monkeypatch.setattr(statements, "EXACT_ROWS", 10)
    with connection.cursor() as cursor:
        # So small a table would never be worth an index to the planner.
        cursor.execute("set enable_sort = off")
    try:
        assert "memory_by_meaning" in plan(scopes[7], brain)
        nearest = answers(brain, scopes[7])
    finally:
        connection.close()
    same = sum(left[:1] == right[:1] for left, right in zip(exact, nearest, strict=True))
    assert same >= 0.95 * len(exact)


def plan(scope: MemoryScope, brain: EmbeddedBrain) -> str:
    """The plan of one recall, as text."""
    query = RecallQuery("What is the name of my pet?")
    terms = Asked.of(query.text, START).terms
    wanted = statements.Wanted(
        one_agent=True,
        not_conversation=False,
        not_turns=False,
        terms=terms,
        with_vector=True,
        is_large=True,
    )
    values = {
        "tenant_id": scope.tenant_id,
        "user_id": scope.user_id,
        "agent_id": scope.agent_id,
        "namespace": scope.namespace,
        "model": brain._embedder.model,
        "names": [],
        "about": None,
        "vector": search.vector_literal(brain._embedder.embed([query.text])[0]),
        **{f"term{place}": term.word for place, term in enumerate(terms)},
    }
    with unit_of_work(scope.tenant), connection.cursor() as cursor:
        search.limit_time(10)
        cursor.execute(f"explain {statements.for_many(wanted)}", values)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_a_vector_of_another_model_is_not_compared(
    crowd: tuple[EmbeddedBrain, list[MemoryScope]], monkeypatch: pytest.MonkeyPatch
) -> None:
    brain, scopes = crowd
    monkeypatch.setattr(brain._embedder, "model", "another-model")
    found = brain.recall(scopes[0], RecallQuery("What is Miso?", timeout_s=10))
    assert [one.parts.cosine for one in found] == [None]
    paraphrase = RecallQuery("What injury did I have on holiday?", timeout_s=10)
    assert all(one.parts.dense_rank is None for one in brain.recall(scopes[0], paraphrase))


def test_recall_is_one_statement_besides_the_unit_s_own(
    crowd: tuple[EmbeddedBrain, list[MemoryScope]],
) -> None:
    brain, scopes = crowd
    statements: list[str] = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        brain.recall(scopes[0], RecallQuery("What is the name of my pet?", timeout_s=10))
    assert len([sql for sql in statements if "set_config" not in sql]) == 1
    assert len(statements) == 3
