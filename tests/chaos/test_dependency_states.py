"""Each dependency is taken away: chat goes on, the state is seen everywhere, and it comes back.

With the intervals of production, but for the rest of breakers.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.chaos.journals import Tab
from tests.support.brain_service import BrainService, issued_token
from tests.support.chaos import Installation, model_of
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, eventually, running

pytestmark = pytest.mark.slow

# How soon is `./soma bench outages`'s; here it is only waited for.
SEEN_WITHIN_S, WELL_WITHIN_S = 20.0, 60.0


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """A process that holds its connections and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def health(web: Web) -> dict:
    answer = httpx.get(f"{web.base}/health", timeout=5)
    return {"status": answer.status_code, **answer.json()}


def state(web: Web, service: str) -> str:
    return str(health(web)["services"][service]["state"])


def within(check: Callable[[], object], what: str, limit_s: float) -> float:
    """Seconds until `check` held."""
    began = time.monotonic()
    eventually(check, what, limit_s)
    return time.monotonic() - began


def limited(tab: Tab, service: str) -> str | None:
    """What this person was told last of a service."""
    told = [one.payload for one in tab.seen if one.kind == "health"]
    found = [one for one in told[-1]["limitations"] if one["service"] == service] if told else []
    return str(found[0]["text"]) if found else None


@pytest.fixture
def second(place: Installation) -> Iterator[Web]:
    """Another web process of the installation."""
    with running(place.another_web()) as web:
        eventually(lambda: state(web, "database") == "ok", "the second process never looked")
        yield web


@pytest.fixture
def noted() -> Callable[[str, float], None]:
    """Print a figure; the report keeps what a test prints."""

    def note(name: str, seconds: float) -> None:
        print(f"{name}: {seconds:.2f} s")

    return note


def test_valkey_stopped(
    place: Installation,
    second: Web,
    model: SimulatedProvider,
    ann: Client,
    noted: Callable[[str, float], None],
) -> None:
    model.script({"when": ".", "reply": "Yes."})
    eventually(lambda: state(place.web, "redis") == "ok", "Valkey was not seen")
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        place.valkey.stop()
        try:
            assert tab.finish(tab.say(conversation, "Are you there?")["turn"], 15).text == "Yes."
            for name, web in (("here", place.web), ("there", second)):
                seconds = within(lambda web=web: state(web, "redis") == "down", name, SEEN_WITHIN_S)
                noted(f"valkey stopped, seen {name}", seconds)
            assert health(place.web)["overall_health"] == "degraded"
            assert health(place.web)["status"] == 200
            tab.until(lambda: "Live updates" in (limited(tab, "redis") or ""), "told of it")
        finally:
            place.valkey.start()
        back = within(
            lambda: state(place.web, "redis") == state(second, "redis") == "ok",
            "Valkey is back but not seen",
            WELL_WITHIN_S,
        )
        noted("valkey back, well everywhere", back)
        tab.until(lambda: limited(tab, "redis") is None, "told that it is over")


def test_provider_stopped(
    place: Installation,
    second: Web,
    model: SimulatedProvider,
    ann: Client,
    noted: Callable[[str, float], None],
) -> None:
    eventually(lambda: state(place.web, "llm") == state(second, "llm") == "ok", "no model seen")
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        model.process.kill()
        model.process.wait()
        answer = tab.finish(tab.say(conversation, "Are you there?")["turn"], 20)
        assert "models-down" in answer.degraded
        for name, web in (("here", place.web), ("there", second)):
            seconds = within(lambda web=web: state(web, "llm") == "down", name, SEEN_WITHIN_S)
            noted(f"provider stopped, seen {name}", seconds)
        tab.until(lambda: "cannot be reached" in (limited(tab, "llm") or ""), "told of it")
        # The breaker opens: nobody waits for what is away.
        for _ in range(3):
            tab.finish(tab.say(conversation, "And now?")["turn"], 20)
        asked_at = time.monotonic()
        assert "models-down" in tab.finish(tab.say(conversation, "Quick?")["turn"], 5).degraded
        noted("an answer while the breaker is open", time.monotonic() - asked_at)
        with model_of(place) as back:
            back.script({"when": ".", "reply": "Here I am."})
            seconds = within(
                lambda: state(place.web, "llm") == state(second, "llm") == "ok",
                "the provider is back but not seen",
                WELL_WITHIN_S,
            )
            noted("provider back, well everywhere", seconds)
            tab.until(lambda: limited(tab, "llm") is None, "told that it is over")
            assert tab.finish(tab.say(conversation, "Back?")["turn"], 15).text == "Here I am."


def test_provider_that_hangs_and_one_that_only_lists_its_models(
    place: Installation, model: SimulatedProvider, noted: Callable[[str, float], None]
) -> None:
    environ = {"SA01_MODEL_FIRST_TOKEN_S": "2", "SA01_BREAKER_REST_S": "3"}
    with running(place.another_web(**environ)) as web:
        ann = Client(web, "ann")
        conversation = ann.conversation()
        eventually(lambda: state(web, "llm") == "ok", "no model seen")
        with Tab(ann, conversation) as tab:
            with paused(model.process.pid):
                answer = tab.finish(tab.say(conversation, "Are you there?")["turn"], 15)
                assert "models-down" in answer.degraded
                noted(
                    "provider hangs, seen",
                    within(lambda: state(web, "llm") != "ok", "not seen", SEEN_WITHIN_S),
                )
                within(lambda: state(web, "llm") == "down", "never down", 10)
            within(lambda: state(web, "llm") == "ok", "goes on but not seen", WELL_WITHIN_S)
            model.script({"when": ".", "fail": "500"})
            tab.finish(tab.say(conversation, "Are you there?")["turn"], 15)
            noted(
                "provider fails, seen",
                within(lambda: state(web, "llm") != "ok", "not seen", SEEN_WITHIN_S),
            )
            model.script({"when": ".", "reply": "Yes."})
            within(lambda: state(web, "llm") == "ok", "well but not seen", WELL_WITHIN_S)
            place.eventually(
                lambda: tab.finish(tab.say(conversation, "Now?")["turn"], 15).text == "Yes.",
                "the model was never asked again",
            )


def test_brain_elsewhere_stopped_and_hanging(
    place: Installation, model: SimulatedProvider, noted: Callable[[str, float], None]
) -> None:
    model.script({"when": ".", "reply": "Yes."})
    environ = {"SA01_VAR_DIR": str(place.var_dir)}
    with running(BrainService(place.var_dir, environ)) as brain:
        apart = place.another_web(
            SOMA_BRAIN_URL=brain.base,
            SOMA_BRAIN_KEY=issued_token(place.var_dir),
            SA01_RECALL_DEADLINE_MS="1000",
        )
        with running(apart) as web:
            ann = Client(web, "ann")
            first, conversation = ann.conversation(), ann.conversation()
            eventually(lambda: state(web, "somabrain") == "ok", "the brain was not seen")
            with Tab(ann, first, conversation) as tab:
                assert "memory" not in tab.finish(tab.say(first, "Hello?")["turn"], 15).degraded
                brain.kill()
                answer = tab.finish(tab.say(conversation, "Are you there?")["turn"], 15)
                assert (answer.text, answer.degraded) == ("Yes.", ["memory"])
                noted(
                    "brain stopped, seen",
                    within(lambda: state(web, "somabrain") == "down", "not seen", SEEN_WITHIN_S),
                )
                assert health(web)["degradation"] == "moderate"
                tab.until(
                    lambda: "without memories" in (limited(tab, "somabrain") or ""), "told of it"
                )
                brain.start()
                noted(
                    "brain back, well",
                    within(lambda: state(web, "somabrain") == "ok", "not seen", WELL_WITHIN_S),
                )
                assert brain.popen is not None
                with paused(brain.popen.pid):
                    for _ in range(3):
                        answer = tab.finish(tab.say(conversation, "And now?")["turn"], 15)
                        assert (answer.text, "memory" in answer.degraded) == ("Yes.", True)
                    within(lambda: state(web, "somabrain") == "down", "not seen", SEEN_WITHIN_S)
                    # Left alone: the turn no longer waits for memory's deadline.
                    asked_at = time.monotonic()
                    answer = tab.finish(tab.say(conversation, "Quick?")["turn"], 15)
                    assert "memory" in answer.degraded
                    noted("a turn while the brain's breaker is open", time.monotonic() - asked_at)
                within(lambda: state(web, "somabrain") == "ok", "not seen", WELL_WITHIN_S)
                place.eventually(
                    lambda: (
                        "memory"
                        not in tab.finish(tab.say(conversation, "Back?")["turn"], 15).degraded
                    ),
                    "memory was never asked again",
                )


def test_database_stopped(
    place: Installation, model: SimulatedProvider, ann: Client, noted: Callable[[str, float], None]
) -> None:
    model.script({"when": ".", "reply": "Yes."})
    eventually(lambda: health(place.web)["status"] == 200, "never well")
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        place.postgres.kill()
        try:
            refused = ann.get("/chat/conversations")
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            noted(
                "database stopped, seen",
                within(lambda: health(place.web)["status"] == 503, "not seen", SEEN_WITHIN_S),
            )
            seen = health(place.web)
            assert (seen["overall_health"], seen["degradation"]) == ("unhealthy", "critical")
            asked_at = time.monotonic()
            health(place.web)
            assert time.monotonic() - asked_at < 5
            tab.until(lambda: "kept in this browser" in (limited(tab, "database") or ""), "told")
        finally:
            place.postgres.start()
        noted(
            "database back, well",
            within(lambda: health(place.web)["status"] == 200, "not seen", WELL_WITHIN_S),
        )
        tab.until(lambda: limited(tab, "database") is None, "told that it is over")
        assert tab.finish(tab.say(conversation, "Back?")["turn"], 30).text == "Yes."
