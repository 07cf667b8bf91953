"""What was embedded as a question is not embedded again when it is stored."""

from collections.abc import Callable, Sequence
from uuid import UUID

import numpy as np
import pytest
from redis.client import Pipeline
from redis.exceptions import ConnectionError as NoValkey

from kernel.clock import now
from kernel.db import unit_of_work
from kernel.ids import uuid7
from kernel.valkey import sync_client
from memory.brain_embedded import EmbeddedBrain
from memory.embedding.handover import PREFIX, Handover
from memory.embedding.minilm import Embedder
from memory.models import Memory
from memory.ports import MemoryItem, MemoryScope, RecallQuery
from tests.support.cast import Cast

AGENT = UUID("01900000-0000-7000-8000-000000000001")
ASKED, ANSWER = "What is my cat called?", "Your cat is called Miso."


class Counting(Embedder):
    """Notes what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> "np.ndarray":
        """Embed, and note."""
        self.seen += texts
        return super().embed(texts)


def at_once(work: Callable[[], None]) -> Callable[[], None]:
    return work


def process() -> tuple[EmbeddedBrain, Counting]:
    """A brain as another process has it."""
    embedder = Counting()
    embedder.handover = Handover(embedder.model, at_once)
    return EmbeddedBrain(embedder, lambda: None), embedder


def keep(brain: EmbeddedBrain, scope: MemoryScope, *texts: str) -> None:
    items = [MemoryItem(text, "user", now(), str(uuid7())) for text in texts]
    brain.remember_many(scope, items)
    assert brain.settle() == len(items)


def test_the_worker_embeds_only_what_nobody_asked(cast: Cast) -> None:
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, AGENT)
    (web, _), (worker, embedder) = process(), process()
    web.recall(scope, RecallQuery(f" {ASKED}\n", 5, timeout_s=5))
    (name,) = sync_client().keys(f"{PREFIX}*")
    assert 0 < sync_client().ttl(name) <= 60
    assert b"cat" not in name
    keep(worker, scope, ASKED, ANSWER)
    assert embedder.seen == [ANSWER]
    with unit_of_work(cast.acme):
        kept = dict(Memory.objects.values_list("text", "embedding"))
    for text in (ASKED, ANSWER):
        assert np.allclose(kept[text], embedder.embed([text])[0], atol=1e-6)
    assert not sync_client().keys(f"{PREFIX}*"), "what was taken is gone"


def test_no_vector_passes_from_one_tenant_to_another(cast: Cast) -> None:
    (web, _), (worker, embedder) = process(), process()
    stranger = MemoryScope(cast.stranger.scope.tenant_id, cast.stranger.user_id, AGENT)
    web.recall(stranger, RecallQuery(ASKED, 5, timeout_s=5))
    keep(worker, MemoryScope(cast.acme_id, cast.ann.user_id, AGENT), ASKED)
    assert embedder.seen == [ASKED]


def test_without_valkey_everything_is_embedded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Pipeline) -> None:
        raise NoValkey

    monkeypatch.setattr(Pipeline, "execute", away)
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, AGENT)
    (web, _), (worker, embedder) = process(), process()
    web.recall(scope, RecallQuery(ASKED, 5, timeout_s=5))
    keep(worker, scope, ASKED)
    assert embedder.seen == [ASKED]
