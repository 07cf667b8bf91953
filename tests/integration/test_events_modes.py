"""SOMAGENT_MODE: set for the platform or one tenant, known within a second, and acted on."""

import logging
import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from kernel import outbox
from kernel.db import platform_unit
from saas import modes
from saas.models import AuditEntry
from tests.support.cast import Cast
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
