"""What reads under /api/v2/memory, over HTTP, signed in by cookie."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from chat.facade import create_agent
from chat.verbs import create_conversation, delete_conversation
from kernel.ids import uuid7
from memory.brain_http import FractalMemory, HttpBrain
from memory.ports import BRAIN, MemoryItem, MemoryScope
from tests.support import brain_original
from tests.support.brain_original import TOKEN, serving
from tests.support.cast import PASSWORD, Cast
from tests.support.signed_in import signed_in as person

pytestmark = pytest.mark.usefixtures("quiet_brain")

MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)


def signed_in(name: str) -> Client:
    client = Client(headers={"host": "127.0.0.1"})
    body = {"email": f"{name}@example.org", "password": PASSWORD}
    answer = client.post("/api/v2/auth/login", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return client


def keep(cast: Cast, text: str, agent_id: UUID, number: int = 0) -> None:
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, agent_id)
    said_at = MORNING + timedelta(hours=number)
    BRAIN.get().remember(scope, MemoryItem(text, "user", said_at, f"{agent_id}:{number}"))


def test_search_answers_with_text_date_reason_and_score_parts(cast: Cast) -> None:
    keep(cast, "My cat is called Miso.", uuid7())
    answer = signed_in("ann").get("/api/v2/memory/search", {"q": "What is my cat called?"})
    assert answer.status_code == 200
    page = answer.json()
    assert page["next"] is None
    (one,) = page["items"]
    assert one["text"] == "My cat is called Miso."
    assert one["said_at"] == "2026-03-03T09:00:00Z"
    assert one["speaker"] == "user"
    assert one["parts"]["lexical_rank"] == 1
    assert "cat" in one["reason"]


def test_someone_else_s_memories_are_not_found(cast: Cast) -> None:
    keep(cast, "My cat is called Miso.", uuid7())
    for name in ("bob", "stranger", "sysadmin"):
        client = signed_in(name)
        assert client.get("/api/v2/memory/search", {"q": "cat called Miso"}).json()["items"] == []
        assert client.get("/api/v2/memory/recent").json()["items"] == []


def test_recent_pages_through_everything_once_newest_first(cast: Cast) -> None:
    agent_id = uuid7()
    for number in range(7):
        keep(cast, f"Fact {number}.", agent_id, number)
    client = signed_in("ann")
    seen: list[str] = []
    query: dict[str, object] = {"limit": 3}
    sizes = []
    while True:
        page = client.get("/api/v2/memory/recent", query).json()
        sizes.append(len(page["items"]))
        seen += [one["text"] for one in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [f"Fact {number}." for number in range(6, -1, -1)]
    assert sizes == [3, 3, 1]


def test_a_full_last_page_has_no_next(cast: Cast) -> None:
    agent_id = uuid7()
    for number in range(3):
        keep(cast, f"Fact {number}.", agent_id, number)
    assert signed_in("ann").get("/api/v2/memory/recent", {"limit": 3}).json()["next"] is None


def test_one_agent_s_memories_can_be_asked_for_alone(cast: Cast) -> None:
    first, second = uuid7(), uuid7()
    keep(cast, "Miso is a cat.", first)
    keep(cast, "Rex is a dog, not a cat.", second)
    client = signed_in("ann")
    for path, query in (("search", {"q": "cat"}), ("recent", {})):
        items = client.get(f"/api/v2/memory/{path}", {**query, "agent_id": first}).json()["items"]
        assert [one["text"] for one in items] == ["Miso is a cat."]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("search", {}, 422),
        ("search", {"q": "x" * 5_000}, 422),
        ("search", {"q": "cat", "limit": 0}, 422),
        ("search", {"q": "cat", "limit": 101}, 422),
        ("search", {"q": "cat", "agent_id": "not-a-uuid"}, 422),
        ("recent", {"cursor": "bm9uc2Vuc2U"}, 400),
        ("recent", {"cursor": "%%%"}, 400),
        ("recent", {"cursor": "\u00fc" * 10}, 400),
    ],
)
def test_bad_queries_are_answered_with_a_problem(
    cast: Cast, path: str, query: dict[str, object], status: int
) -> None:
    answer = signed_in("ann").get(f"/api/v2/memory/{path}", query)
    assert answer.status_code == status
    assert answer["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == status


@pytest.mark.parametrize("question", ["\x00", "'; drop table memory_memory; --", "🐈", "%", "  "])
def test_odd_queries_are_answered_with_an_empty_page(cast: Cast, question: str) -> None:
    keep(cast, "My cat is called Miso.", uuid7())
    answer = signed_in("ann").get("/api/v2/memory/search", {"q": question})
    assert answer.status_code == 200
    assert answer.json() == {"items": [], "next": None}


@pytest.mark.parametrize("path", ["search?q=cat", "recent"])
def test_nobody_reads_memories_without_signing_in(cast: Cast, path: str) -> None:
    answer = Client(headers={"host": "127.0.0.1"}).get(f"/api/v2/memory/{path}")
    assert answer.status_code == 401
    assert answer["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("is_indexed", [False, True])
@pytest.mark.parametrize("memories", [0, 3])
@pytest.mark.parametrize(
    "question", ["¨\U0004f124\U000966789\x19", "???", "💥", "the of and", "   x"]
)
def test_a_question_without_any_word_is_answered(
    cast: Cast, question: str, memories: int, is_indexed: bool
) -> None:
    for number in range(memories):
        keep(cast, f"My cat number {number} is called Miso.", uuid7(), number)
    if is_indexed:
        BRAIN.get().settle()
    answer = signed_in("ann").get("/api/v2/memory/search", {"q": question})
    assert answer.status_code == 200
    ids = [one["memory_id"] for one in answer.json()["items"]]
    assert len(ids) == len(set(ids)) <= memories


# --- filters, one memory, figures, graph ---------------------------------------------------------


def rich(cast: Cast) -> tuple[UUID, UUID]:
    """Ann's memory with a bit of everything; (agent, conversation)."""
    agent_id, here = create_agent(cast.admin, "Archivist", "", None).id, uuid7()
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, agent_id)

    def said(text: str, hour: int, **more: Any) -> None:
        given = {"speaker": "user", "idempotency_key": f"k{hour}"} | more
        item = MemoryItem(text, said_at=MORNING + timedelta(hours=hour), **given)
        BRAIN.get().remember(scope, item)

    said("My cat Miso sleeps in Lisbon.", 0, conversation_id=here)
    said("A cat, noted: Miso.", 1, conversation_id=here, speaker="assistant")
    said("Ann has a cat.", 2, kind="semantic")
    said("The cat of Nadia is in Lisbon too.", 3, conversation_id=uuid7())
    BRAIN.get().settle()
    return agent_id, here


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"kind": "semantic"}, [2]),
        ({"speaker": "assistant"}, [1]),
        ({"since": "2026-03-03T10:00:00Z"}, [1, 2, 3]),
        ({"until": "2026-03-03T12:00:00+02:00"}, [0]),
        ({"since": "2026-03-03T10:00:00Z", "until": "2026-03-03T11:00:00Z"}, [1]),
        ({"since": "9999-12-31T23:59:59Z"}, []),
        ({"until": "0001-01-01T00:00:00Z"}, []),
        ({"conversation_id": "here"}, [0, 1]),
        ({"conversation_id": str(UUID(int=7))}, []),
        ({"agent_id": "agent", "kind": "episodic", "speaker": "user"}, [0, 3]),
    ],
)
def test_lists_are_narrowed_by_what_is_asked(
    cast: Cast, query: dict[str, str], numbers: list[int]
) -> None:
    agent_id, here = rich(cast)
    names = {"here": str(here), "agent": str(agent_id)}
    asked = {name: names.get(value, value) for name, value in query.items()}
    ann = person("ann")
    every = [one["memory_id"] for one in ann.get("/memory/recent").json()["items"]][::-1]
    expected = {every[number] for number in numbers}
    listed = ann.get("/memory/recent", **asked)
    assert listed.status_code == 200, listed.content
    assert {one["memory_id"] for one in listed.json()["items"]} == expected
    found = ann.get("/memory/search", q="cat Miso Lisbon", **asked)
    assert {one["memory_id"] for one in found.json()["items"]} == expected


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "dream"},
        {"speaker": "narrator"},
        {"since": "yesterday"},
        {"since": "2026-03-03T10:00:00"},
        {"until": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"conversation_id": "x"},
    ],
)
def test_a_filter_that_cannot_hold_is_refused(cast: Cast, query: dict[str, str]) -> None:
    for answer in (
        person("ann").get("/memory/recent", **query),
        person("ann").get("/memory/search", q="cat", **query),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_one_memory_is_shown_with_where_it_comes_from(cast: Cast) -> None:
    agent_id = create_agent(cast.admin, "Archivist", "", None).id
    conversation = create_conversation(cast.ann, agent_id, "About cats", None)
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, agent_id)
    said = MemoryItem(
        "My cat is called Miso.", "user", MORNING, "k", conversation_id=conversation.id
    )
    memory_id = BRAIN.get().remember(scope, said).memory_id
    shown = person("ann").get(f"/memory/{memory_id}").json()
    assert (shown["text"], shown["agent_name"]) == ("My cat is called Miso.", "Archivist")
    assert (shown["conversation_exists"], shown["conversation_title"]) == (True, "About cats")
    assert shown["links"] == shown["sources"] == shown["supersedes"] == []
    delete_conversation(cast.ann, conversation.id)
    gone = person("ann").get(f"/memory/{memory_id}").json()
    assert (gone["conversation_exists"], gone["conversation_title"]) == (False, None)
    assert person("ann").get(f"/memory/{uuid7()}").status_code == 404


def test_the_figures_are_one_s_own(cast: Cast) -> None:
    agent_id, _ = rich(cast)
    keep(cast, "Waits for its meaning.", uuid7())
    stats = person("ann").get("/memory/stats").json()
    assert stats["total"] == 5
    assert stats["by_kind"] == {"episodic": 4, "semantic": 1}
    assert stats["by_state"] == {"indexed": 4, "stored": 1}
    assert stats["by_agent"][0] == {
        "agent_id": str(agent_id),
        "name": "Archivist",
        "count": 4,
    }
    assert (stats["by_agent"][1]["name"], stats["by_agent"][1]["count"]) == (None, 1)
    assert (stats["conversations"], stats["pending"], stats["superseded"]) == (2, 1, 0)
    assert (stats["oldest"], stats["newest"]) == ("2026-03-03T09:00:00Z", "2026-03-03T12:00:00Z")
    one = person("ann").get("/memory/stats", agent_id=str(agent_id)).json()
    assert one["total"] == 4
    nobody = person("bob").get("/memory/stats").json()
    assert (nobody["total"], nobody["by_agent"], nobody["oldest"]) == (0, [], None)


def test_the_graph_leads_from_names_to_memories_and_back(cast: Cast) -> None:
    rich(cast)
    ann = person("ann")

    def drawn(**query: Any) -> tuple[set[str], list[dict[str, str]]]:
        graph = ann.get("/memory/graph", **query).json()
        ids = [node["id"] for node in graph["nodes"]]
        assert len(ids) == len(set(ids))
        for edge in graph["edges"]:
            assert {edge["source"], edge["target"]} <= set(ids)
        for node in graph["nodes"]:
            ends = [e for e in graph["edges"] if node["id"] in (e["source"], e["target"])]
            assert node["degree"] == len(ends)
        return {node["label"] for node in graph["nodes"]}, graph["edges"]

    labels, edges = drawn(name="miso")
    assert labels == {"miso", "My cat Miso sleeps in Lisbon.", "A cat, noted: Miso."}
    assert {edge["relation"] for edge in edges} == {"mentions"}
    labels, _ = drawn(name="miso", hops=2)
    assert {"lisbon", "miso"} <= labels
    memory_id = ann.get("/memory/recent").json()["items"][-1]["memory_id"]
    labels, _ = drawn(around=memory_id)
    assert {"My cat Miso sleeps in Lisbon.", "miso", "lisbon"} <= labels
    labels, _ = drawn(around=memory_id, hops=2)
    assert "The cat of Nadia is in Lisbon too." in labels
    labels, _ = drawn()
    assert {"lisbon", "miso", "My cat Miso sleeps in Lisbon."} <= labels
    labels, _ = drawn(limit=2)
    assert len(labels) == 2
    for strange in ("%", "_", "\\", "\x00", "' or 1=1 --", "x" * 200, "猫"):
        assert drawn(name=strange) == (set(), [])
    assert person("bob").get("/memory/graph").json() == {"nodes": [], "edges": []}
    for query in ({"hops": 3}, {"limit": 201}, {"around": memory_id, "name": "miso"}):
        assert ann.get("/memory/graph", **query).status_code == 422


def test_what_the_brain_cannot_do_is_said_by_name(cast: Cast) -> None:
    """The brain of another make has neither list nor figures; search goes on."""
    double = brain_original.Brain()
    with serving(double) as brain, serving(double.store) as store:
        BRAIN.bind(HttpBrain(brain.url, TOKEN, FractalMemory(store.url, TOKEN)))
        agent_id = create_agent(cast.admin, "Archivist", "", None).id
        ann = person("ann")
        made = ann.post("/memory", {"agent_id": str(agent_id), "text": "My cat is called Miso."})
        assert made.status_code == 201, made.content
        (found,) = ann.get("/memory/search", q="cat called Miso").json()["items"]
        assert found["memory_id"] == made.json()["memory_id"]
        assert found["agent_id"] is None
        narrowed = ann.get("/memory/search", q="cat called Miso", speaker="assistant").json()
        assert narrowed["items"] == []
        for path in ("/memory/recent", "/memory/stats", "/memory/graph", "/memory/export"):
            answer = ann.get(path)
            assert (answer.status_code, answer.json()["code"]) == (501, "capability-absent"), path
        training = person("admin").get("/cognitive/state", agent_id=str(agent_id))
        assert training.json()["code"] == "capability-absent"
        pending = ann.get("/memory/pending").json()
        assert (pending["waiting"], pending["dead"]) == (0, 0)
        gone = ann.delete(f"/memory/{found['memory_id']}")
        assert gone.status_code == 200, gone.content
        assert gone.json()["memories"] == 1
