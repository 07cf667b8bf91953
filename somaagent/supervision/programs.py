"""The programs of the product itself: web, worker, beat.

Owns: their command lines. Never: secrets on a command line (others on the machine could read it).
"""

import json
import sys
from pathlib import Path

from somaagent.config import Config
from somaagent.config.groups import ROOT
from somaagent.supervision.child import ChildSpec

# Within the ten seconds that `up` may take to stop: 5 for these three at once, then 2 for each
# server.
GRACE_S = 4
APPLICATION_WAIT_S = GRACE_S + 1


def of(config: Config) -> list[ChildSpec]:
    """Return every program, in the order of starting."""
    return [web(config), worker(config), beat(config)]


def web(config: Config) -> ChildSpec:
    """Return the web process: uvicorn on one port, without access log (the product logs)."""
    arguments = {
        "host": config.host,
        "port": str(config.port),
        "workers": str(config.web_workers),
        "loop": "uvloop",
        "http": "httptools",
        # 20 KB an idle socket and 2.5 us a frame sent, against 27 KB and 4.5 us of `websockets`.
        # Frames are small: compressing each would cost more than it saves.
        "ws": "websockets-sansio",
        "ws-per-message-deflate": "false",
        "lifespan": "on",
        "timeout-graceful-shutdown": str(GRACE_S),
        "log-config": str(_log_config(config)),
    }
    flags = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    return ChildSpec(
        name="web",
        argv=[
            *(sys.executable, "-m", "uvicorn", "somaagent.supervision.served:application"),
            *("--app-dir", str(ROOT), "--no-access-log", "--no-server-header", *flags),
        ],
        stop_wait_s=APPLICATION_WAIT_S,
    )


def worker(config: Config) -> ChildSpec:
    """Return the worker.

    Pool solo: one task at a time in the main thread. The relay is serial by design and the
    embedding model has threads of its own, so a pool would only add a process or a second thread
    that competes with the web process. Nice 10: people wait for the web process first.
    """
    return ChildSpec(
        name="worker",
        argv=[
            *_celery("worker", config),
            *("--pool", "solo", "--concurrency", "1"),
            # One worker has nobody to gossip with; mingling would cost a second at each start.
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        stop_wait_s=APPLICATION_WAIT_S,
        nice=10,
    )


def beat(config: Config) -> ChildSpec:
    """Return the scheduler; its own state is expendable."""
    run_dir = config.var_dir / "run"
    schedule = ["--schedule", str(run_dir / "beat-schedule"), "--pidfile", ""]
    return ChildSpec(
        name="beat",
        argv=[*_celery("beat", config), *schedule],
        stop_wait_s=APPLICATION_WAIT_S,
        nice=10,
    )


def _celery(kind: str, config: Config) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "--app", "somaagent", "--workdir", str(ROOT)),
        *(kind, "--loglevel", config.log_level),
    ]


def _log_config(config: Config) -> Path:
    """Write a logging configuration without handlers: uvicorn's lines go the product's way."""
    path = config.var_dir / "run" / "uvicorn-log.json"
    path.write_text(json.dumps({"version": 1, "disable_existing_loggers": False}))
    return path
