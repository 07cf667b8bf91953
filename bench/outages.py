"""`python -m bench.outages`: one request as JSON on standard input, seconds of each outage out.

Two web processes over a brain of its own; with the intervals of production. A process of its own:
the installation and its people are the chaos suite's, which need Django.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

import httpx  # noqa: E402

from tests.chaos.journals import Tab  # noqa: E402
from tests.support.brain_service import BrainService, issued_token  # noqa: E402
from tests.support.chaos import Installation, installation, model_of  # noqa: E402
from tests.support.web import Client, Web, eventually, running  # noqa: E402

PATIENCE_S = 120.0


@dataclass(frozen=True)
class Dependency:
    """What is taken away. `call`: what people do that meets its absence."""

    service: str
    stop: Callable[[], object]
    start: Callable[[], object]
    call: Callable[[], object]


@dataclass
class Times:
    """Seconds, one a round: from the first call that fails, from the return, to every process."""

    seen_s: list[float] = field(default_factory=list)
    well_s: list[float] = field(default_factory=list)


class Provider:
    """The simulated model, which goes and comes back on its port."""

    def __init__(self, place: Installation, stack: ExitStack) -> None:
        self._place, self._stack = place, stack
        self.model = stack.enter_context(model_of(place))
        self.model.script({"when": ".", "reply": "Yes."})

    def stop(self) -> None:
        """kill -9."""
        self.model.process.kill()
        self.model.process.wait()

    def start(self) -> None:
        """The same again."""
        self.model = self._stack.enter_context(model_of(self._place))
        self.model.script({"when": ".", "reply": "Yes."})


def main() -> None:
    """Take each dependency away `rounds` times."""
    request = json.loads(sys.stdin.readline())
    found: dict[str, Times] = {}
    with installation() as place, ExitStack() as stack:
        provider = Provider(place, stack)
        place.fresh(provider.model)
        provider.model.script({"when": ".", "reply": "Yes."})
        brain = stack.enter_context(
            running(BrainService(place.var_dir, {"SA01_VAR_DIR": str(place.var_dir)}))
        )
        apart = {"SOMA_BRAIN_URL": brain.base, "SOMA_BRAIN_KEY": issued_token(place.var_dir)}
        webs = [stack.enter_context(running(place.another_web(**apart))) for _ in range(2)]
        ann = Client(webs[0], "ann")
        conversation = ann.conversation()
        tab = stack.enter_context(Tab(ann, conversation))

        def ask() -> None:
            tab.finish(tab.say(conversation, "Are you there?", deadline_s=PATIENCE_S)["turn"])

        def read() -> None:
            ann.get("/chat/conversations")

        for one in (
            Dependency("redis", place.valkey.stop, place.valkey.start, ask),
            Dependency("somabrain", brain.kill, brain.start, ask),
            Dependency("llm", provider.stop, provider.start, ask),
            Dependency("database", place.postgres.kill, place.postgres.start, read),
        ):
            times = found.setdefault(one.service, Times())
            for _ in range(request["rounds"]):
                _measure(one, webs, times)
                sys.stderr.write(".")
                sys.stderr.flush()
    sys.stdout.write(json.dumps({name: asdict(times) for name, times in found.items()}) + "\n")


def _measure(dependency: Dependency, webs: Sequence[Web], times: Times) -> None:
    everywhere_ok = lambda: all(_state(web, dependency.service) == "ok" for web in webs)  # noqa: E731
    eventually(everywhere_ok, f"{dependency.service} was never well", PATIENCE_S)
    dependency.stop()
    calling = threading.Thread(target=dependency.call)
    began = time.monotonic()
    calling.start()
    try:
        eventually(
            lambda: not any(_state(web, dependency.service) == "ok" for web in webs),
            f"{dependency.service} is away and not seen",
            PATIENCE_S,
        )
        times.seen_s.append(time.monotonic() - began)
    finally:
        dependency.start()
    began = time.monotonic()
    eventually(everywhere_ok, f"{dependency.service} is back and not seen", PATIENCE_S)
    times.well_s.append(time.monotonic() - began)
    calling.join(PATIENCE_S)


def _state(web: Web, service: str) -> str:
    answer = httpx.get(f"{web.base}/health", timeout=5)
    return str(answer.json()["services"][service]["state"])


if __name__ == "__main__":
    main()
