"""The converted model: complete or absent, the same vectors one by one and in a batch."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from memory.embedding import prepare
from memory.embedding.errors import EmbeddingUnavailable
from memory.embedding.minilm import DIMENSIONS, Embedder
from memory.embedding.weights import read_safetensors

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare.prepared_dir(tmp_path_factory.mktemp("models") / "minilm with a space")


@pytest.fixture(scope="module")
def embedder(model_dir: Path) -> Embedder:
    return Embedder(model_dir)


def test_vectors_have_the_promised_shape_and_length(embedder: Embedder) -> None:
    vectors = embedder.embed(["one", "", "x" * 100_000, "日本語", "word " * 500])
    assert vectors.shape == (5, DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_to_embed_gives_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, DIMENSIONS)


def test_a_batch_gives_the_same_vectors_as_one_by_one(embedder: Embedder) -> None:
    texts = [fact["said"] for fact in FACTS["facts"][:12]] + ["short", "long " * 300]
    together = embedder.embed(texts)
    alone = np.vstack([embedder.embed([text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-4


def test_paraphrases_are_nearer_than_other_sentences(embedder: Embedder) -> None:
    said = embedder.embed([fact["said"] for fact in FACTS["facts"]])
    asked = embedder.embed([fact["asked"] for fact in FACTS["facts"]])
    nearest = (asked @ said.T).argmax(axis=1)
    assert (nearest == np.arange(len(said))).mean() >= 0.9


def test_known_values_of_the_model(embedder: Embedder) -> None:
    """Cosines published with the model, within what int8 costs."""
    first, same, other = embedder.embed(
        ["That is a happy person", "That is a happy dog", "Today is a sunny day"]
    )
    assert first @ same == pytest.approx(0.695, abs=0.03)
    assert first @ other == pytest.approx(0.257, abs=0.05)


def test_many_threads_get_the_same_answer(embedder: Embedder) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [
            one.tolist()
            for one in pool.map(lambda _: embedder.embed_query("the same text", 10), range(16))
        ]
    assert all(vector == found[0] for vector in found)


def test_a_question_that_waits_too_long_is_given_up(model_dir: Path) -> None:
    busy = Embedder(model_dir)
    release = threading.Event()
    blocked = busy._thread.submit(release.wait, 10)
    with pytest.raises(TimeoutError):
        busy.embed_query("late", 0.01)
    release.set()
    assert blocked.result(10)
    assert len(busy.embed_query("in time", 10)) == DIMENSIONS


def test_preparing_twice_converts_once(model_dir: Path) -> None:
    before = (model_dir / "model.bin").stat().st_mtime_ns
    assert prepare.prepared_dir(model_dir) == model_dir
    assert (model_dir / "model.bin").stat().st_mtime_ns == before


def test_an_incomplete_directory_is_replaced_and_nothing_is_left_over(tmp_path: Path) -> None:
    target = tmp_path / "minilm"
    target.mkdir()
    (target / "model.bin").write_bytes(b"half")
    assert prepare.prepared_dir(target) == target
    assert len(Embedder(target).embed(["works"])) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["minilm"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("memory.embedding.weights.PACKAGE", "no_such_package")
    with pytest.raises(EmbeddingUnavailable, match="no_such_package"):
        Embedder(tmp_path / "nowhere").embed(["x"])


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, "BF16"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 4]}}, "offsets"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, "offsets"),
    ],
)
def test_a_broken_weights_file_is_refused(tmp_path: Path, header: dict, complaint: str) -> None:
    encoded = json.dumps(header).encode()
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(encoded).to_bytes(8, "little") + encoded + b"\0\0\0\0")
    with pytest.raises(ValueError, match=complaint):
        read_safetensors(file)


def test_a_directory_that_cannot_be_written_is_reported_not_raised_raw(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(EmbeddingUnavailable):
        Embedder(blocked / "models").embed(["x"])


def test_an_announced_question_is_embedded_once(embedder: Embedder) -> None:
    embedder.warm_up()
    text = "Which bus goes to the harbour?"
    plain = embedder.embed_query(text, 5.0).tolist()
    embedder.expect(text)
    embedder.expect(text)
    assert embedder.embed_query(text, 5.0).tolist() == plain
    # It was taken: asking again is a new question with the same answer.
    assert embedder.embed_query(text, 5.0).tolist() == plain
