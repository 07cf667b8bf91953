"""SOMAGENT_MODE: set for the platform or one tenant, known within a second, and acted on."""

import logging
import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings

from chat.events import TurnFinished
from chat.models import Turn
from kernel import outbox
from kernel.db import platform_unit, unit_of_work
from saas import modes
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, running


@pytest.fixture(autouse=True)
def known(cast: Cast) -> Iterator[None]:
    """This process knows nothing before, and logs as before afterwards."""
    level = logging.getLogger().level
    modes._known = None
    yield
    modes._known = None
    logging.getLogger().setLevel(level)


def choose(client: Client, mode: str | None, of: str = "platform") -> int:
    return client.put("/saas/mode", {"of": of, "mode": mode}).status_code


def effective(client: Client) -> str:
    return str(client.get("/saas/mode").json()["effective"])


def test_a_mode_is_known_to_another_process_within_a_second(
    web: Web, cast: Cast, var_dir: object
) -> None:
    with running(Web(var_dir)) as other:  # type: ignore[arg-type]
        here, there = Client(web, "platform"), Client(other, "ann")
        assert effective(there) == "production"
        assert choose(here, "training") == 200
        end = time.monotonic() + 1
        while effective(there) != "training" and time.monotonic() < end:
            time.sleep(0.02)
        assert effective(there) == "training"


def test_who_may_set_which_mode(web: Web, cast: Cast) -> None:
    platform, sysadmin, ann = (Client(web, name) for name in ("platform", "sysadmin", "ann"))
    assert choose(ann, "test") == choose(sysadmin, "test") == 403
    assert choose(ann, "test", of="tenant") == 403
    assert choose(platform, "nonsense") == 422
    assert choose(sysadmin, "test", of="tenant") == 200
    assert choose(platform, "developer") == 200
    assert (effective(ann), effective(Client(web, "stranger"))) == ("test", "developer")
    assert choose(sysadmin, None, of="tenant") == 200
    assert effective(ann) == "developer"
    with platform_unit("test"):
        rows = AuditEntry.objects.filter(action="mode.changed").order_by("id")
        told = [(row.before["mode"], row.after["mode"]) for row in rows]
    assert told == [(None, "test"), (None, "developer"), ("test", None)]


def test_the_platform_s_mode_sets_what_is_logged(cast: Cast) -> None:
    modes.set_platform_mode(cast.platform, "developer")
    assert logging.getLogger().level == logging.DEBUG
    modes.set_platform_mode(cast.platform, "production")
    assert logging.getLogger().level == logging.getLevelName(settings.SOMA.log_level.upper())


@pytest.mark.usefixtures("no_worker")
def test_in_test_mode_a_judged_answer_teaches_nothing(web: Web, no_model: None, cast: Cast) -> None:
    ann, sysadmin = Client(web, "ann"), Client(web, "sysadmin")
    conversation = ann.conversation()
    ann.say(conversation, "My cat is called Miso.")
    answer = next(one for one in ann.messages(conversation) if one["role"] == "assistant")

    def lessons() -> int:
        outbox.drain()
        state = sysadmin.get("/cognitive/state", agent_id=ann.agent_id()).json()
        return int(state["feedback_count"])

    def judge(signal: str) -> None:
        path = f"/chat/messages/{answer['id']}/feedback"
        assert ann.put(path, {"signal": signal}).status_code == 200

    modes.set_tenant_mode(cast.sysadmin, "test")
    judge("positive")
    assert lessons() == 0
    modes.set_tenant_mode(cast.sysadmin, None)
    judge("negative")
    assert lessons() == 1


def test_platform_admins_see_and_set_the_mode_of_every_tenant(web: Web, cast: Cast) -> None:
    platform, sysadmin = Client(web, "platform"), Client(web, "sysadmin")
    body = {"of": "tenant", "mode": "test", "tenant_id": str(cast.acme_id)}
    assert sysadmin.put("/saas/mode", body).status_code == 403
    assert sysadmin.get("/saas/mode/tenants").status_code == 403
    assert platform.put("/saas/mode", body).status_code == 200
    assert effective(sysadmin) == "test"
    unknown = body | {"tenant_id": str(cast.ann.user_id)}
    assert platform.put("/saas/mode", unknown).status_code == 404
    first = platform.get("/saas/mode/tenants", limit=1).json()
    second = platform.get("/saas/mode/tenants", limit=1, cursor=first["next"]).json()
    found = [(one["name"], one["own"]) for one in first["items"] + second["items"]]
    assert found == [("Acme", "test"), ("Globex", None)]
    assert second["next"] is None


def test_a_change_is_pushed_to_who_watches_in_another_process(
    web: Web, cast: Cast, var_dir: object
) -> None:
    with running(Web(var_dir)) as other:  # type: ignore[arg-type]
        ann = Client(other, "ann")
        with ann.socket() as socket:
            assert socket.receive()["type"] == "connected"
            assert choose(Client(web, "sysadmin"), "training", of="tenant") == 200
            told = socket.until("mode", timeout=15)[-1]["payload"]
            assert (told["platform"], told["effective"]) == ("production", "training")
        with ann.socket() as socket:
            assert socket.until("mode", timeout=15)[-1]["payload"] == told


def test_an_enterprise_asks_only_models_of_its_own_and_audits_each_answer(
    cast: Cast, var_dir: object, simulator: SimulatedProvider
) -> None:
    enterprise = {"ENTERPRISE_MODE": "true"}
    simulator.reset()
    with running(Web(var_dir, enterprise)) as web:  # type: ignore[arg-type]
        platform, ann = Client(web, "platform"), Client(web, "ann")
        outside = {
            "name": "Outside",
            "kind": "openai-compatible",
            "base_url": simulator.base_url,
            "models": [{"name": "scripted"}],
        }
        provider = platform.post("/gateway/providers", outside).json()
        assert provider["self_hosted"] is False
        model_id = provider["models"][0]["id"]
        refused = platform.put(f"/gateway/models/{model_id}/default")
        assert (refused.status_code, refused.json()["code"]) == (409, "model-not-usable")
        assert ann.get("/gateway/models").json()["items"] == []
        tried = platform.post(f"/gateway/providers/{provider['id']}/test", {}).json()
        assert tried["ok"] is False
        conversation = ann.conversation()
        assert "no-model" in ann.say(conversation, "Are you there?")["turn"]["degraded"]
        assert simulator.captured() == []

        ours = {"self_hosted": True}
        assert platform.patch(f"/gateway/providers/{provider['id']}", ours).status_code == 200
        assert platform.put(f"/gateway/models/{model_id}/default").status_code == 200
        answer = ann.say(conversation, "And now?")
        assert answer["turn"]["model"] == "scripted"
        shown = ann.get("/saas/mode").json()
        assert shown["is_enterprise"] is True
        assert {row["mode"]: row["learns"] for row in shown["table"]} == {
            "developer": False,
            "training": True,
            "test": False,
            "production": False,
        }
        assert all(row["audits_turns"] and row["own_providers"] for row in shown["table"])


@pytest.mark.usefixtures("nobody_is_woken", "no_worker")
def test_in_an_enterprise_each_answer_has_an_entry_without_text(
    web: Web, no_model: None, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = Client(web, "ann")
    answer = ann.say(ann.conversation(), "My cat is called Miso.")
    outbox.drain()
    changed = settings.SOMA.model_copy(update={"enterprise_mode": True})
    monkeypatch.setattr(settings, "SOMA", changed)
    # Told again here: the web process told it when this was no enterprise yet.
    with unit_of_work(cast.acme):
        turn = Turn.objects.get(id=answer["turn"]["id"])
        finished = TurnFinished(
            *(turn.id, turn.conversation_id, UUID(ann.agent_id()), turn.user_id, "done"),
            *(turn.user_message_id, turn.message_id),
        )
        outbox.emit(finished, key=str(turn.conversation_id))
    outbox.drain()
    with platform_unit("test"):
        (entry,) = AuditEntry.objects.filter(action="turn.answered")
        assert (entry.actor_id, entry.tenant_id) == (cast.ann.user_id, cast.acme_id)
        assert entry.object_id == answer["turn"]["id"]
        assert entry.after["state"] == "done"
        assert "Miso" not in str(entry.after)
