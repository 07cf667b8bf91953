"""The searches agree: sketches with exact distances, HNSW with both, whatever the text's length."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, connections

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


def test_sketches_find_what_exact_distances_find(
    crowd: tuple[EmbeddedBrain, list[MemoryScope]], monkeypatch: pytest.MonkeyPatch
) -> None:
    brain, scopes = crowd
    # More than there are, so that all are compared exactly; then a quarter of them.
    exact = answers(brain, scopes[7])
    monkeypatch.setattr(statements, "SKETCHED", 24)
    monkeypatch.setattr(statements, "DEPTH", 12)
    assert same(exact, answers(brain, scopes[7])) >= 0.95


def test_hnsw_finds_what_exact_distances_find(
    crowd: tuple[EmbeddedBrain, list[MemoryScope]], monkeypatch: pytest.MonkeyPatch
) -> None:
    brain, scopes = crowd
    exact = answers(brain, scopes[7])
    count = len(brain.recent(scopes[7], limit=200))
    monkeypatch.setattr(statements, "COMPARED", count - 1)
    with connection.cursor() as cursor:
        # So small a table would never be worth an index to the planner.
        cursor.execute("set enable_sort = off")
    try:
        assert "memory_by_meaning" in plan(scopes[7], brain, statements.for_large)
        nearest = answers(brain, scopes[7])
    finally:
        connection.close()
    assert same(exact, nearest) >= 0.95


def test_a_scope_is_compared_in_its_part_of_one_index(
    crowd: tuple[EmbeddedBrain, list[MemoryScope]],
) -> None:
    brain, scopes = crowd
    with connections["owner"].cursor() as cursor:
        cursor.execute("vacuum analyze memory_memory")
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
    try:
        shown = plan(scopes[7], brain, statements.for_scope)
    finally:
        connection.close()
    assert "Index Only Scan Backward using memory_to_compare" in shown
    # Tenant, person and agent are found in the index, not among its rows.
    condition = shown.partition("using memory_to_compare")[2].partition("Index Cond: ")[2]
    assert all(name in condition.partition("\n")[0] for name in ("tenant_id", "user_", "agent_"))


def test_a_text_with_more_words_than_an_index_holds_is_found_by_them(database: None) -> None:
    brain = EmbeddedBrain(Embedder(), lambda: None)
    scope = MemoryScope(uuid7(), uuid7(), uuid7())
    text = " ".join(f"word{n:05}" for n in range(1_800))
    kept = brain.remember(scope, MemoryItem(text, "user", START, "long"))
    assert brain.settle() == 1
    with connections["owner"].cursor() as cursor:
        cursor.execute("select words is null from memory_memory where id = %s", [kept.memory_id])
        assert cursor.fetchone() == (True,)
    found = brain.recall(scope, RecallQuery("What about word01234?", timeout_s=10))
    assert [one.memory_id for one in found] == [kept.memory_id]
    assert found[0].parts.coverage == 1


def same(left: list[list[str]], right: list[list[str]]) -> float:
    """Share of the questions with the same first answer."""
    return sum(a[:1] == b[:1] for a, b in zip(left, right, strict=True)) / len(left)


def plan(
    scope: MemoryScope, brain: EmbeddedBrain, statement: Callable[[statements.Wanted], str]
) -> str:
    """The plan of one recall, as text."""
    query = RecallQuery("What is the name of my pet?")
    vector = search.QueryVector(brain._embedder.model, brain._embedder.embed([query.text])[0])
    with unit_of_work(scope.tenant), connection.cursor() as cursor:
        search.limit_time(10)
        wanted, values = search.asking(scope, query, Asked.of(query.text, START), vector)
        cursor.execute(f"explain {statement(wanted)}", values)
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
    # The tenant and the limit of the unit; the limit again where embedding took noticeably long.
    assert len([sql for sql in statements if "set_config" in sql]) in {2, 3}
