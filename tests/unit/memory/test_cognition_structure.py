"""Reference numbers of binding, working memory and the walk; tolerances are given with each."""

import numpy as np
import pytest

from memory.cognition import binding, focus
from memory.cognition.vectors import Vector, cosine, normalised
from memory.cognition.walk import near


def test_seed_of_a_text() -> None:
    assert binding.seed_of("alpha") ^ binding.SEED == 11_099_342_189_553_124_947


def test_gaussian_codes_are_far_apart_and_unbound_exactly() -> None:
    alpha, beta = binding.code("alpha"), binding.code("beta")
    assert cosine(alpha, beta) == pytest.approx(-0.030837, abs=1e-6)
    echo = binding.unbind(binding.bind(alpha, beta), beta)
    assert cosine(echo, alpha) == pytest.approx(1.0, abs=1e-6)


def test_sparse_codes_are_far_apart_too() -> None:
    alpha, beta = binding.sparse_code("alpha"), binding.sparse_code("beta")
    assert cosine(alpha, beta) == pytest.approx(-0.008239, abs=1e-6)
    echo = binding.unbind(binding.bind(alpha, beta), beta)
    assert cosine(echo, alpha) == pytest.approx(0.999834, abs=1e-6)


def test_the_original_s_code_is_why_codes_here_have_zero_mean() -> None:
    def plus_minus_one(text: str) -> Vector:
        active = binding.sparse_code(text, 8192) > 0
        return normalised(np.where(active, 1.0, -1.0))

    biased = cosine(plus_minus_one("alpha"), plus_minus_one("beta"))
    assert biased == pytest.approx(0.637695, abs=1e-6)
    for text in ("alpha", "beta"):
        assert abs(float(binding.sparse_code(text).mean())) < 1e-12
        assert abs(float(binding.code(text).mean())) < 1e-3


def test_superposed_pairs_of_gaussian_codes() -> None:
    """Mean cosine and share of right answers for 1, 4, 16, 64 pairs (one generator, seed 0)."""
    rng, seen = np.random.default_rng(0), []
    for pairs in (1, 4, 16, 64):
        keys = [normalised(rng.normal(size=2048)) for _ in range(pairs)]
        values = [normalised(rng.normal(size=2048)) for _ in range(pairs)]
        trace = binding.superposed(
            [binding.bind(key, value) for key, value in zip(keys, values, strict=True)]
        )
        echoes = [binding.unbind(trace, key) for key in keys]
        table = np.array([[cosine(echo, value) for value in values] for echo in echoes])
        right = float((table.argmax(axis=1) == np.arange(pairs)).mean())
        seen.append((float(np.diag(table).mean()), right))
    assert np.allclose([mean for mean, _ in seen], [1.0, 0.1883, 0.0984, 0.0470], atol=5e-5)
    assert [right for _, right in seen] == pytest.approx([1, 1, 1, 0.422], abs=5e-4)


def test_a_unitary_role_gives_its_filler_back_exactly() -> None:
    filler, role = binding.code("ann"), binding.role("who")
    echo = binding.unbind(binding.bind(filler, role), role, regulariser=0.0)
    assert cosine(echo, filler) == pytest.approx(1.0, abs=1e-9)


def test_who_did_what_to_whom_is_read_back_and_not_mixed_up() -> None:
    people = ["ann", "bob", "cid", "dora", "give", "lend", "book", "bicycle"]
    trace = binding.statement({"who": "ann", "did": "lend", "what": "bicycle", "whom": "bob"})
    answers = {name: binding.read(trace, name, people) for name in ("who", "did", "what", "whom")}
    assert {name: one.filler for name, one in answers.items()} == {
        "who": "ann", "did": "lend", "what": "bicycle", "whom": "bob",
    }  # fmt: skip
    # Correlation with a unitary role keeps 1/sqrt(n) = 0.5 of the filler; the original lost more.
    assert all(one.closeness == pytest.approx(0.5, abs=0.06) for one in answers.values())
    assert all(one.margin > 0.35 for one in answers.values())


def test_working_memory_of_three() -> None:
    items: tuple[focus.FocusItem, ...] = ()
    seen = []
    thoughts = {
        "e1": [1, 0, 0, 0], "e2": [0, 1, 0, 0], "near e1": [0.99, 0.1, 0, 0],
        "between": [0.7, 0.7, 0, 0], "e3": [0, 0, 1, 0],
    }  # fmt: skip
    for at_s, (name, numbers) in enumerate(thoughts.items()):
        admission = focus.admitted(items, name, np.array(numbers), float(at_s), capacity=3)
        items = admission.items
        seen.append(admission.is_new)
    assert seen == [True, True, False, True, True]
    assert [item.item_id for item in items] == ["e2", "between", "e3"]
    hits = focus.search(items, np.array([1.0, 0, 0, 0]), 3)
    assert [round(closeness, 6) for closeness, _ in hits] == [0.707107, 0, 0]
    assert hits[0][1].item_id == "between"
    assert focus.novelty(items, np.array([0.6, 0.8, 0, 0])) == pytest.approx(0.010051, abs=1e-6)
    assert focus.faded(items, 5.0)[0].recency == pytest.approx(0.606531, abs=1e-6)


def test_working_memory_never_holds_more_than_it_may() -> None:
    items: tuple[focus.FocusItem, ...] = ()
    rng = np.random.default_rng(5)
    for number in range(160):
        items = focus.admitted(items, str(number), rng.normal(size=32), float(number)).items
        assert len(items) <= focus.CAPACITY
    assert len(items) == focus.CAPACITY
    assert "159" in {item.item_id for item in items}


def test_a_thought_is_promoted_after_three_salient_ticks_in_a_row() -> None:
    assert focus.promoted([0.1, 0.9, 0.85, 0.99])
    assert not focus.promoted([0.9, 0.8, 0.9])
    assert not focus.promoted([0.9, 0.9])
    assert focus.salience((), np.ones(3), reward=1.0) == pytest.approx(1.0)


def test_the_walk_finds_what_is_two_steps_away_and_prefers_strong_links() -> None:
    edges = {
        "ann": {"bob": 2.0, "cid": 1.0},
        "bob": {"ann": 2.0, "dora": 1.0},
        "cid": {"ann": 1.0},
        "dora": {"bob": 1.0},
        "elsewhere": {"nowhere": 1.0},
    }
    found = near(edges, "ann")
    assert [name for name, _ in found] == ["bob", "cid", "dora"]
    assert near(edges, "unknown") == ()
    loop = {"a": {"b": 1.0}, "b": {"a": 1.0}}
    assert [name for name, _ in near(loop, "a")] == ["b"]


def test_the_walk_stays_bounded_in_a_dense_graph() -> None:
    many = {number: dict.fromkeys(range(400), 1.0) for number in range(400)}
    assert len(near(many, 0, limit=500)) < 100
