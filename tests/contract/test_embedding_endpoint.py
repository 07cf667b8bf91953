"""Memories embedded by an endpoint over HTTP: the engine is the same, and models can change."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connections

from gateway.simulator.endpoints import embeddings
from kernel.db import PLATFORM_ALIAS, platform_unit
from memory.brain_embedded import EmbeddedBrain, indexing
from memory.embedding.embedder import DIMENSIONS, TextEmbedder
from memory.embedding.endpoint import EndpointEmbedder
from memory.embedding.errors import EmbeddingUnavailable
from memory.embedding.minilm import Embedder
from memory.ports import MemoryItem, MemoryScope, Recalled, RecallQuery
from tests.contract.test_brain_port import NEW_YEAR
from tests.support.simulator import SimulatedProvider
from tests.support.web import free_port

SAID = tuple(f"Parcel {number} waits in the hall of house {number * 7}." for number in range(80))


class Endpoint(ThreadingHTTPServer):
    """The simulator's vectors from a server that has its own limits; keeps what it was asked."""

    size = DIMENSIONS
    takes_dimensions = True
    fails: int | None = None
    refuses = "no such text"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, object]] = []
        self.keys: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.add(self.headers.get("Authorization", ""))
        status, answer = 200, {}
        if self.server.fails is not None:
            status = self.server.fails
        elif ("dimensions" in body and not self.server.takes_dimensions) or any(
            self.server.refuses in text for text in body["input"]
        ):
            status = 400
        else:
            answer = embeddings({**body, "dimensions": self.server.size})
            answer["data"].reverse()
        told = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def brain_of(embedder: TextEmbedder) -> EmbeddedBrain:
    return EmbeddedBrain(embedder, lambda: None)


def told(brain: EmbeddedBrain, *said: str) -> MemoryScope:
    scope = MemoryScope(uuid4(), uuid4(), uuid4())
    brain.remember_many(scope, [MemoryItem(one, "user", NEW_YEAR, one[:60]) for one in said])
    return scope


def found(brain: EmbeddedBrain, scope: MemoryScope, question: str) -> tuple[Recalled, ...]:
    return brain.recall(scope, RecallQuery(question, timeout_s=10.0))


def models() -> dict[str, int]:
    with platform_unit("test"), connections[PLATFORM_ALIAS].cursor() as cursor:
        cursor.execute("select embedding_model, count(*) from memory_memory group by 1")
        return dict(cursor.fetchall())


def test_the_simulated_provider_embeds_what_is_remembered(
    database: None, model: SimulatedProvider
) -> None:
    brain = brain_of(EndpointEmbedder(model.base_url, "simulated-embedding", "sk-secret"))
    scope = told(brain, "The ferry to Malmo leaves from pier nine.")
    assert brain.settle() == 1
    (hit,) = found(brain, scope, "When does the Malmo ferry leave from the pier?")
    assert hit.parts.cosine is not None
    assert hit.parts.cosine > 0.5
    assert models() == {"simulated-embedding": 1}


@pytest.mark.parametrize(("size", "near"), [(384, 1e-6), (128, 1e-6), (1536, 0.2)])
def test_vectors_of_any_length_keep_who_is_near_to_whom(
    endpoint: Endpoint, size: int, near: float
) -> None:
    endpoint.size, endpoint.takes_dimensions = size, False
    embedder = EndpointEmbedder(endpoint.address, "some-model", "sk-secret")
    vectors = embedder.embed(SAID)
    assert vectors.shape == (80, DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    told = embeddings({"input": list(SAID), "dimensions": size})["data"]
    own = np.array([row["embedding"] for row in told])
    assert np.abs(vectors @ vectors.T - own @ own.T).max() < near
    assert endpoint.keys == {"Bearer sk-secret"}
    # Asked for 384 numbers once, then never again of a server that does not take that.
    assert ["dimensions" in body for body in endpoint.asked] == [True, False, False]


def test_after_a_change_of_the_model_all_is_embedded_again_and_goes_on_where_it_was(
    database: None, endpoint: Endpoint
) -> None:
    before = brain_of(Embedder())
    scope = told(before, *SAID)
    assert before.settle() == 80
    first = EndpointEmbedder(endpoint.address, "first-model")
    # Found by its words meanwhile.
    assert found(brain_of(first), scope, SAID[7])[0].text == SAID[7]
    endpoint.fails = 503
    with pytest.raises(EmbeddingUnavailable):
        brain_of(first).settle()
    assert models() == {Embedder.model: 80}
    endpoint.fails = None
    first_half = brain_of(first)
    assert indexing.renew(first, UUID(int=0), most_batches=1) is not None
    assert models() == {Embedder.model: 48, "first-model": 32}
    first_half.settle()
    assert models() == {"first-model": 80}
    hit = found(first_half, scope, SAID[7])[0]
    assert (hit.text, hit.parts.cosine) == (SAID[7], 1.0)
    asked = len(endpoint.asked)
    first_half.settle()
    first_half.settle()
    assert len(endpoint.asked) == asked
    back = brain_of(Embedder())
    back.settle()
    assert models() == {Embedder.model: 80}


def test_a_text_that_the_endpoint_refuses_holds_up_no_other(
    database: None, endpoint: Endpoint
) -> None:
    brain = brain_of(EndpointEmbedder(endpoint.address, "some-model"))
    scope = told(brain, "My cat is called Miso.", "There is no such text anywhere.")
    assert brain.settle() == 1
    assert brain.pending(scope).waiting == 1
    assert {one.text for one in found(brain, scope, "text about a cat")} != set()
    for _ in range(5):
        brain.settle()
    assert (brain.pending(scope).waiting, brain.pending(scope).failed) == (0, 1)


@pytest.mark.parametrize("status", [401, 429, 500, None])
def test_an_endpoint_that_is_away_costs_meaning_and_no_memory(
    database: None, endpoint: Endpoint, status: int | None
) -> None:
    endpoint.fails = status
    address = endpoint.address if status else f"http://127.0.0.1:{free_port()}/v1"
    brain = brain_of(EndpointEmbedder(address, "some-model"))
    scope = told(brain, "My cat is called Miso.")
    with pytest.raises(EmbeddingUnavailable):
        brain.settle()
    assert brain.pending(scope).waiting == 1
    assert [one.text for one in found(brain, scope, "Who is Miso?")] == ["My cat is called Miso."]
    probe = brain.probe()
    assert not probe.ok
    assert "embedding endpoint" in probe.detail
