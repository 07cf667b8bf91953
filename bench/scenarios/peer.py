"""For comparison: Open WebUI, measured where it is installed, else quoted.

`--open-webui DIR` names an environment of its own, outside the repository, made by
`python -m venv DIR && DIR/bin/pip install open-webui`. It is started with a fresh data directory,
without accounts, asks the same simulated provider, and is spoken to through its own completions
API, which stores no message. It is stopped before the next scenario.
"""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.scenarios.one_stream import PAUSE_S, ROUNDS, WARM
from bench.scenarios.venv import size_mb
from bench.stand import MODEL, TOKENS, load
from bench.target import Figure, Quote, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

PEOPLE, TURNS, TURN_S = 100, 4, 2.05
READY_S = 180.0
# Nothing is fetched, nobody is told, nobody has to register.
SETTINGS = {
    "WEBUI_AUTH": "False",
    "OFFLINE_MODE": "true",
    "HF_HUB_OFFLINE": "1",
    "ENABLE_OLLAMA_API": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "OPENAI_API_KEY": "sk-bench-0123456789",
    "WEBUI_SECRET_KEY": "bench",
    "ENABLE_TITLE_GENERATION": "false",
}


def run(bench: "Bench") -> Sequence[Figure | Quote]:
    """Its figures, side by side with the bare upstream."""
    if bench.options.open_webui is None:
        return QUOTED
    place = bench.options.open_webui
    stand = bench.stand()
    with tempfile.TemporaryDirectory(prefix="open-webui-") as data_dir:
        with _serving(place, Path(data_dir), stand.simulator.base_url):
            pass
        began = time.monotonic()
        with _serving(place, Path(data_dir), stand.simulator.base_url) as (port, process):
            start_s = time.monotonic() - began
            time.sleep(5)
            idle_mb = _rss_mb(process)
            headers = {"Authorization": f"Bearer {_token(port)}"}
            lane = {**stand.upstream(), "port": port, "path": "/api/chat/completions"}
            lane["headers"] = headers
            first_ms = _one_stream(bench, stand.upstream(), lane)
            added, ratio = _crowd(bench, stand.upstream(), lane)
            loaded_mb = _rss_mb(process)
    name = "Open WebUI"
    return [
        Quote(f"{name}: first token added, 1 stream, p50", f"{first_ms:.1f} ms", "measured"),
        Quote(
            f"{name}: first token added, {PEOPLE} streams, p50 / p95",
            f"{middle(added):,.0f} / {percentile(added, 0.95):,.0f} ms",
            "measured",
        ),
        Quote(f"{name}: total time, {PEOPLE} streams", f"{ratio:.2f} x upstream", "measured"),
        Quote(
            f"{name}: resident memory, idle / after the load",
            f"{idle_mb:,.0f} / {loaded_mb:,.0f} MB",
            "measured",
        ),
        Quote(f"{name}: environment", f"{size_mb(place) / 1000:.1f} GB", "measured"),
        Quote(f"{name}: start, warm", f"{start_s:.0f} s", "measured"),
    ]


def _one_stream(bench: "Bench", bare: dict[str, Any], peer: dict[str, Any]) -> float:
    job = {
        "job": "alternate",
        "prefix": "short",
        "tokens": TOKENS["short"],
        "rounds": ROUNDS,
        "warm": WARM,
        "pause_s": PAUSE_S,
        "lanes": {"bare": bare, "product": peer},
    }
    samples = bench.keep("peer-one-stream", load(job))["samples"]
    bench.refuse_faults("Open WebUI, one stream", samples["product"])
    found = {name: middle([one["first_ms"] for one in samples[name]]) for name in samples}
    return found["product"] - found["bare"]


def _crowd(bench: "Bench", bare: dict[str, Any], peer: dict[str, Any]) -> tuple[list[float], float]:
    """Added milliseconds to the first token, and total time as a ratio."""
    whole: dict[str, list[dict[str, Any]]] = {}
    for name, lane in (("bare", bare), ("peer", peer)):
        job = {
            "job": "crowd",
            "prefix": "long",
            "tokens": TOKENS["long"],
            "turns": TURNS,
            "from_turn": 0,
            "stagger_s": TURN_S,
            "lanes": [lane] * PEOPLE,
        }
        answer = bench.keep(f"peer-streams-{name}", load(job))
        counted = [one for samples in answer["samples"] for one in samples[1:-1]]
        whole[name] = [one for one in counted if one["fault"] is None]
        bench.note_faults([one["fault"] for one in counted if one["fault"] is not None])
    base_first = middle([one["first_ms"] for one in whole["bare"]])
    base_total = middle([one["total_ms"] for one in whole["bare"]])
    return (
        [one["first_ms"] - base_first for one in whole["peer"]],
        middle([one["total_ms"] for one in whole["peer"]]) / base_total,
    )


@contextmanager
def _serving(place: Path, data_dir: Path, provider: str) -> Iterator[tuple[int, psutil.Process]]:
    """The peer on a free port: (port, process); ready when its health page answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        **SETTINGS,
        "DATA_DIR": str(data_dir),
        "OPENAI_API_BASE_URL": provider,
    }
    with (
        (data_dir / "log").open("ab") as log,
        subprocess.Popen(
            [place / "bin" / "open-webui", "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=data_dir,
            env=environment,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            _wait(port, process)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                msg = f"Open WebUI did not start (exit code {process.poll()})"
                raise RuntimeError(msg) from None
            time.sleep(0.1)
        else:
            return


def _token(port: int) -> str:
    """The session of its only user."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/auths/signin",
        data=json.dumps({"email": "", "password": ""}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        token = str(json.load(answer)["token"])
    # Its models are listed once before they can be asked.
    listed = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/models", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(listed, timeout=30) as answer:
        known = {one["id"] for one in json.load(answer)["data"]}
    if MODEL not in known:
        msg = "Open WebUI does not see the simulated model"
        raise RuntimeError(msg)
    return token


def _rss_mb(process: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 1e6


QUOTED = (
    Quote("Open WebUI: first token added, 1 stream, p50", "25 ms", "quoted"),
    Quote("Open WebUI: first token added, 100 streams, p50 / p95", "1,840 / 2,900 ms", "quoted"),
    Quote("Open WebUI: total time, 100 streams", "1.85 x upstream", "quoted"),
    Quote("Open WebUI: resident memory, idle / after the load", "812 / 870 MB", "quoted"),
    Quote("Open WebUI: environment", "2.9 GB", "quoted"),
    Quote("Open WebUI: start, warm", "25 s", "quoted"),
)
