"""The simulated provider as a fixture: a real process on a free port."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class SimulatedProvider:
    """A running simulator. `base_url` is what a provider row would hold."""

    port: int
    process: subprocess.Popen[str]

    @property
    def origin(self) -> str:
        """Address without a path (Anthropic's base URL)."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """Address of the OpenAI-compatible API."""
        return f"{self.origin}/v1"

    def script(
        self, *rules: dict[str, Any], defaults: dict[str, Any] | None = None
    ) -> "SimulatedProvider":
        """Replace the script from now on (see `gateway.simulator.script`)."""
        self._control("POST", "/__script", {"rules": list(rules), "defaults": defaults or {}})
        return self

    def captured(self, last: int = 0) -> list[dict[str, Any]]:
        """What the provider was asked: [{path, headers, body, sent_tokens, closed_early, ...}].

        Without the listings of its models, which the health monitor makes at any time.
        """
        seen: list[dict[str, Any]] = self._control("GET", "/__captured?last=0")["requests"]
        return [one for one in seen if not one["path"].endswith("/models")][-last:]

    def stats(self) -> dict[str, int]:
        """Counters: requests, connections, accepted, open_streams, closed_early."""
        return self._control("GET", "/__stats")

    def told(self) -> dict[str, list[Any]]:
        """By the caller's id of each request: [tokens asked, tokens sent, whether to the end]."""
        return dict(self._control("GET", "/__told"))

    def forget(self) -> None:
        """Forget what was asked."""
        self._control("DELETE", "/__captured")

    def reset(self) -> None:
        """Forget script and captured requests."""
        self.script()
        self.forget()

    def wait_until(
        self, holds: Callable[["SimulatedProvider"], bool], within_s: float = 5.0
    ) -> None:
        """Poll until `holds(self)`. Raises: AssertionError with the last state."""
        deadline = time.monotonic() + within_s
        while not holds(self):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s} s: {self.stats()}")
            time.sleep(0.005)

    def _control(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data=data, method=method)
        with _DIRECT.open(request, timeout=5) as response:
            return json.loads(response.read())


@contextmanager
def simulated_provider(
    *, ttft_ms: float = 0, gap_ms: float = 0, tokens: int = 20, fail: str = "", port: int = 0
) -> Iterator[SimulatedProvider]:
    """Start a simulator and stop it again; it also ends when this process does."""
    command = [sys.executable, "-m", "gateway.simulator", "--while-stdin-open"]
    command += [f"--port={port}", f"--ttft={ttft_ms}", f"--gap={gap_ms}", f"--tokens={tokens}"]
    if fail:
        command.append(f"--fail={fail}")
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("listening on "), f"the simulator did not start: {line!r}"
        yield SimulatedProvider(int(line.rpartition(":")[2]), process)
    finally:
        process.terminate()
        process.wait(timeout=10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
