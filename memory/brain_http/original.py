"""What is peculiar to the original SomaBrain: places of memories, its answers, ranking by words.

Pure.  The original files a memory under `universe::key` alone, so both hold tenant and namespace
here: equal keys of two tenants never meet.  Its answers are not sorted by anything that means
something, and may hold what others said, so they are filtered and ranked on this side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from memory.errors import MemoryRefused
from memory.ports import (
    Matching,
    Memory,
    MemoryItem,
    MemoryScope,
    Recalled,
    RecallQuery,
    ScoreParts,
)
from memory.terms import echo_of, is_question, normalised, query_terms

# Share of the question's words that makes a memory worth quoting; there is no meaning to go by.
COVERAGE_FLOOR = 0.5
_QUESTION_WEIGHT = 0.6


def memory_id_of(scope: MemoryScope, idempotency_key: str) -> UUID:
    """Return the id of a memory: the same key of the same tenant is the same memory."""
    return uuid5(scope.tenant_id, idempotency_key)


def universe_of(scope: MemoryScope) -> str:
    """Return the universe of a tenant's namespace."""
    return f"{scope.tenant_id.hex}.{scope.namespace}"


def key_of(scope: MemoryScope, memory_id: UUID) -> str:
    """Return the key under which a memory is filed."""
    return f"{scope.tenant_id.hex}/{scope.namespace}/{memory_id.hex}"


def coordinate_of(universe: str, key: str) -> tuple[float, float, float]:
    """Return the coordinate that the original gives a key: blake2b, three numbers in [-1, 1)."""
    digest = hashlib.blake2b(f"{universe}::{key}".encode(), digest_size=12).digest()
    parts = (int.from_bytes(digest[at : at + 4], "big") for at in (0, 4, 8))
    first, second, third = (2 * part / 2**32 - 1 for part in parts)
    return first, second, third


def value_of(scope: MemoryScope, item: MemoryItem, memory_id: UUID) -> dict[str, Any]:
    """Return the object that is stored: the text under every name, and the whole provenance."""
    return {
        **asdict(item),
        "content": item.text,
        "task": item.text,
        "memory_id": memory_id,
        "tenant_id": scope.tenant_id,
        "user_id": scope.user_id,
        "agent_id": scope.agent_id,
        "memory_namespace": scope.namespace,
    }


def is_of(scope: MemoryScope, value: Mapping[str, Any]) -> bool:
    """Say whether a stored object belongs to the scope; what does not say so does not."""
    return (
        value.get("tenant_id") == str(scope.tenant_id)
        and value.get("user_id") == str(scope.user_id)
        and value.get("memory_namespace") == scope.namespace
        and (scope.agent_id is None or value.get("agent_id") == str(scope.agent_id))
        and isinstance(value.get("text"), str)
    )


def memory_of(value: Mapping[str, Any]) -> Memory:
    """Return a stored object as a memory.  Raises: MemoryRefused when it is none of ours."""
    try:
        return Memory(
            memory_id=UUID(value["memory_id"]),
            text=value["text"],
            speaker=value["speaker"],
            said_at=datetime.fromisoformat(value["said_at"]),
            kind=value["kind"],
            state="stored",
            agent_id=UUID(value["agent_id"]),
            conversation_id=_optional_id(value.get("conversation_id")),
            turn_id=_optional_id(value.get("turn_id")),
            message_id=_optional_id(value.get("message_id")),
            span_start=int(value.get("span_start", 0)),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise MemoryRefused("The brain holds a memory in another shape.") from exc


def ranked(
    scope: MemoryScope, query: RecallQuery, values: Iterable[Mapping[str, Any]]
) -> tuple[Recalled, ...]:
    """Return those of the stored objects that bear on the question by their words, best first."""
    terms = [term.word for term in query_terms(query.text)]
    echo = echo_of(query.text)
    found: dict[str, Recalled] = {}
    for value in values:
        if not terms or not is_of(scope, value):
            continue
        memory = memory_of(value)
        if memory.conversation_id is not None and (
            memory.conversation_id == query.exclude_conversation_id
        ):
            continue
        if query.where is not None and not _holds(query.where, memory):
            continue
        words = normalised(memory.text)
        if memory.turn_id in query.exclude_turn_ids or words == echo:
            continue
        shared = [word for word in terms if _occurs(word, words)]
        coverage = len(shared) / len(terms)
        if coverage < COVERAGE_FLOOR:
            continue
        hit = _recalled(memory, coverage, shared)
        known = found.get(words)
        if known is None or (known.said_at, known.memory_id) < (hit.said_at, hit.memory_id):
            found[words] = hit
    order = sorted(
        found.values(), key=lambda one: (one.score, one.said_at, one.memory_id), reverse=True
    )
    return tuple(order[: max(1, query.limit)])


def _recalled(memory: Memory, coverage: float, shared: list[str]) -> Recalled:
    weight = _QUESTION_WEIGHT if is_question(memory.text) else 1.0
    return Recalled(
        memory_id=memory.memory_id,
        text=memory.text,
        said_at=memory.said_at,
        speaker=memory.speaker,
        conversation_id=memory.conversation_id,
        turn_id=memory.turn_id,
        score=round(coverage * weight, 4),
        reason=f"shares the words {', '.join(shared)}",
        parts=ScoreParts(coverage=round(coverage, 4)),
    )


def _holds(where: Matching, memory: Memory) -> bool:
    """Say whether every condition holds for a memory."""
    given = where.given()
    if where.said_from is not None and memory.said_at < where.said_from:
        return False
    if where.said_before is not None and memory.said_at >= where.said_before:
        return False
    return all(
        getattr(memory, name) == value
        for name, value in given.items()
        if name not in {"said_from", "said_before"}
    )


def _occurs(word: str, words: str) -> bool:
    """Say whether a word, or one that begins with it, occurs; short words only as they are."""
    if len(word) < 4:
        return word in words.split()
    return any(other.startswith(word) for other in words.split())


def _optional_id(value: object) -> UUID | None:
    return UUID(value) if isinstance(value, str) else None
