"""GET /api/v2/memory/search and /recent over HTTP, signed in by cookie."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client

from kernel.ids import uuid7
from memory.brain_embedded import EmbeddedBrain
from memory.embedding.minilm import Embedder
from memory.ports import BRAIN, MemoryItem, MemoryScope
from tests.support.cast import PASSWORD, Cast

MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quiet_brain(database: None) -> Iterator[None]:
    """No broker in this suite: nobody is woken."""
    before = BRAIN.get()
    BRAIN.bind(EmbeddedBrain(Embedder(), lambda: None))
    yield
    BRAIN.bind(before)


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
