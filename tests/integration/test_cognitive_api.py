"""/api/v2/cognitive over HTTP: who may train an agent sees and changes its levels, and undoes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chat.facade import create_agent
from kernel import clock
from kernel.db import unit_of_work
from kernel.ids import uuid7
from memory.ports import BRAIN, MemoryItem, MemoryScope
from memory.values import Feedback
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.signed_in import signed_in

pytestmark = pytest.mark.usefixtures("quiet_brain")

MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)
LEVELS = {"dopamine", "serotonin", "noradrenaline", "acetylcholine"}
WEIGHTS = {"alpha", "beta", "gamma", "tau", "lambda_", "mu", "nu"}


@pytest.fixture
def agent_id(cast: Cast) -> str:
    return str(create_agent(cast.admin, "Archivist", "", None).id)


def audited(cast: Cast) -> list[tuple[str, Any, Any]]:
    with unit_of_work(cast.acme):
        rows = AuditEntry.objects.exclude(action__startswith="agent.").order_by("id")
        return [(row.action, row.before, row.after) for row in rows]


def test_a_change_is_seen_audited_and_undone(cast: Cast, agent_id: str) -> None:
    admin = signed_in("admin")
    rest = admin.get("/cognitive/state", agent_id=agent_id).json()
    assert set(rest["levels"]) == LEVELS
    assert set(rest["weights"]) == WEIGHTS
    assert rest["sleep"] == "active"
    body = {
        "agent_id": agent_id,
        "levels": {"serotonin": 0.9},
        "weights": {"alpha": 2.0, "lambda_": 1.5},
        "reason": "bolder answers",
    }
    changed = admin.post("/cognitive/adjust", body)
    assert changed.status_code == 200, changed.content
    assert changed.json()["levels"]["serotonin"] == pytest.approx(0.9, abs=0.01)
    assert changed.json()["weights"]["alpha"] == 2.0
    history = admin.get("/cognitive/adaptation", agent_id=agent_id).json()["history"]
    assert [(one["cause"], one["reason"]) for one in history] == [("adjust", "bolder answers")]
    assert history[0]["weights"] == rest["weights"]
    back = admin.post("/cognitive/rollback", {"agent_id": agent_id, "steps": 1})
    assert back.json()["weights"] == rest["weights"]
    assert back.json()["levels"]["serotonin"] == pytest.approx(
        rest["levels"]["serotonin"], abs=0.01
    )
    history = admin.get("/cognitive/adaptation", agent_id=agent_id).json()["history"]
    assert [one["is_undone"] for one in history] == [True, True]
    (adjusted, rolled_back) = audited(cast)
    assert adjusted[0] == "cognition.adjusted"
    assert adjusted[1]["weights"]["alpha"] == rest["weights"]["alpha"]
    assert adjusted[2]["weights"]["alpha"] == 2.0
    assert adjusted[2]["reason"] == "bolder answers"
    assert rolled_back[0] == "cognition.rolled_back"


def test_what_feedback_taught_is_reset_and_the_reset_is_undone(cast: Cast, agent_id: str) -> None:
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, UUID(agent_id))
    for number in range(5):
        BRAIN.get().feedback(scope, Feedback(f"key-{number}", reward=1.0))
    admin = signed_in("admin")
    learnt = admin.get("/cognitive/adaptation", agent_id=agent_id, limit=3).json()
    assert learnt["feedback_count"] == 5
    assert [one["cause"] for one in learnt["history"]] == ["feedback"] * 3
    assert learnt["weights"] != learnt["baseline"]
    reset = admin.post("/cognitive/adaptation/reset", {"agent_id": agent_id, "reason": "again"})
    assert reset.json()["weights"] == learnt["baseline"]
    back = admin.post("/cognitive/rollback", {"agent_id": agent_id, "steps": 1})
    assert back.json()["weights"] == learnt["weights"]
    assert audited(cast)[0][0] == "cognition.reset"


def test_bounds_are_told_and_kept(cast: Cast, agent_id: str) -> None:
    admin = signed_in("admin")
    items = admin.get("/cognitive/params", agent_id=agent_id).json()["items"]
    assert {one["name"] for one in items} == LEVELS | WEIGHTS
    for one in items:
        assert one["low"] <= one["baseline"] <= one["high"]
        assert one["decays"] is (one["group"] == "levels")
        for value in (one["low"] - 0.001, one["high"] + 0.001):
            refused = admin.post(
                "/cognitive/adjust", {"agent_id": agent_id, one["group"]: {one["name"]: value}}
            )
            assert refused.status_code == 422
            assert refused.json()["errors"][0]["pointer"] == f"/{one['group']}/{one['name']}"
    assert audited(cast) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"levels": {"caffeine": 1.0}},
        {"levels": {"dopamine": "much"}},
        {"weights": {"alpha": 1e999}},
        {"weights": {"alpha": None}},
        {"weights": {"alpha": 1.0}, "reason": "x" * 501},
        {"weights": {"alpha": 1.0}, "reason": "nul \x00"},
    ],
)
def test_a_change_that_means_nothing_is_refused_whole(
    cast: Cast, agent_id: str, body: dict[str, Any]
) -> None:
    admin = signed_in("admin")
    before = admin.get("/cognitive/adaptation", agent_id=agent_id).json()
    answer = admin.post("/cognitive/adjust", {"agent_id": agent_id} | body)
    assert answer.status_code in (400, 422), answer.content
    assert answer["content-type"] == "application/problem+json"
    after = admin.get("/cognitive/adaptation", agent_id=agent_id).json()
    assert (after["weights"], after["history"]) == (before["weights"], [])


@pytest.mark.parametrize("steps", [0, -1, 2, 101])
def test_no_more_is_undone_than_was_done(cast: Cast, agent_id: str, steps: int) -> None:
    admin = signed_in("admin")
    admin.post("/cognitive/adjust", {"agent_id": agent_id, "weights": {"alpha": 2.0}})
    answer = admin.post("/cognitive/rollback", {"agent_id": agent_id, "steps": steps})
    assert answer.status_code == 422
    state = admin.get("/cognitive/state", agent_id=agent_id).json()
    assert state["weights"]["alpha"] == 2.0


def test_levels_return_to_their_baseline_by_themselves(cast: Cast, agent_id: str) -> None:
    admin = signed_in("admin")
    admin.post("/cognitive/adjust", {"agent_id": agent_id, "levels": {"noradrenaline": 0.1}})
    with clock.frozen(clock.now() + timedelta(days=30)):
        # The session is over by then: the verb itself is asked.
        from memory.verbs_cognition import read_cognition

        later = read_cognition(cast.admin, UUID(agent_id))
    assert later.neuromodulators.noradrenaline == pytest.approx(0.0, abs=1e-3)


def test_a_cycle_is_dry_run_watched_and_interrupted(cast: Cast, agent_id: str) -> None:
    scope = MemoryScope(cast.acme_id, cast.admin.user_id, UUID(agent_id))
    for number in range(30):
        text = f"My cat number {number} is called Miso."
        BRAIN.get().remember(scope, MemoryItem(text, "user", MORNING, f"key-{number}"))
    BRAIN.get().settle()
    admin = signed_in("admin")
    idle = admin.get("/cognitive/sleep-cycle", agent_id=agent_id).json()
    assert idle == {"current": None, "history": []}
    dry = admin.post("/cognitive/sleep-cycle", {"agent_id": agent_id, "dry_run": True})
    assert dry.status_code == 202, dry.content
    assert dry.json()["is_dry_run"] is True
    while BRAIN.get().sleep_a_while():
        pass
    ended = admin.get("/cognitive/sleep-cycle", agent_id=agent_id).json()
    assert ended["current"] is None
    assert ended["history"][0]["state"] == "finished"
    assert ended["history"][0]["done"] == ended["history"][0]["total"] > 0
    assert ended["history"][0]["changes"]
    first = admin.post("/cognitive/sleep-cycle", {"agent_id": agent_id, "depth": "light"}).json()
    second = admin.post("/cognitive/sleep-cycle", {"agent_id": agent_id}).json()
    assert second["cycle_id"] == first["cycle_id"]
    now = admin.get("/cognitive/sleep-cycle", agent_id=agent_id).json()
    assert now["current"]["cycle_id"] == first["cycle_id"]
    woken = admin.post("/cognitive/sleep-cycle/wake", {"agent_id": agent_id}).json()
    assert (woken["cycle"]["cycle_id"], woken["cycle"]["state"]) == (
        first["cycle_id"],
        "interrupted",
    )
    assert admin.post("/cognitive/sleep-cycle/wake", {"agent_id": agent_id}).json() == {
        "cycle": None
    }
    actions = [action for action, _, _ in audited(cast)]
    assert actions.count("sleep.interrupted") == 1
    assert "sleep.started" in actions


@pytest.mark.parametrize(
    "body",
    [{"depth": "active"}, {"depth": "coma"}, {"max_seconds": 0}, {"max_seconds": 3601}],
)
def test_a_cycle_that_cannot_be_is_refused(cast: Cast, agent_id: str, body: dict[str, Any]) -> None:
    answer = signed_in("admin").post("/cognitive/sleep-cycle", {"agent_id": agent_id} | body)
    assert answer.status_code == 422


def test_only_who_may_train_the_agent_sees_or_changes_it(cast: Cast, agent_id: str) -> None:
    for name, status in (("ann", 403), ("viewer", 403), ("stranger", 404)):
        other = signed_in(name)
        answers = [
            other.get("/cognitive/state", agent_id=agent_id),
            other.get("/cognitive/params", agent_id=agent_id),
            other.get("/cognitive/adaptation", agent_id=agent_id),
            other.get("/cognitive/sleep-cycle", agent_id=agent_id),
            other.post("/cognitive/adjust", {"agent_id": agent_id, "weights": {"alpha": 2.0}}),
            other.post("/cognitive/rollback", {"agent_id": agent_id, "steps": 1}),
            other.post("/cognitive/adaptation/reset", {"agent_id": agent_id}),
            other.post("/cognitive/sleep-cycle", {"agent_id": agent_id}),
            other.post("/cognitive/sleep-cycle/wake", {"agent_id": agent_id}),
        ]
        assert {answer.status_code for answer in answers} == {status}, name
    unknown = signed_in("admin").get("/cognitive/state", agent_id=str(uuid7()))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "agent-unknown")
    assert audited(cast) == []
