"""The web process seen from outside: is its port free, does it say that it is ready."""

import socket
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass

from somaagent.config import Config
from somaagent.supervision.refusal import StartRefused

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
PROBE_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Readiness:
    """Answer of /health/ready; `detail` is its body when it is not ready."""

    is_ready: bool
    detail: str = ""


def refuse_busy_port(config: Config) -> None:
    """Raise StartRefused when the address cannot be bound, saying what to do."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        # As uvicorn binds it: a connection of the last run in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as exc:
            message = (
                f"Port {config.port} on {config.host} cannot be used: {exc.strerror}.\n"
                f"Stop the program that listens there, or choose another port:\n"
                f"  ./soma up --port {config.port + 1 if config.port < 65535 else 20001}"
            )
            raise StartRefused(message) from exc


def probe_ready(config: Config) -> Readiness:
    """Ask the web process whether it is ready."""
    host = EVERY_ADDRESS.get(config.host, config.host)
    bracketed = f"[{host}]" if ":" in host else host
    url = f"http://{bracketed}:{config.port}/health/ready"
    # Not through a proxy of the environment: this is our own process on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_TIMEOUT_S) as answer:
            return Readiness(answer.status == 200)
    except urllib.error.HTTPError as exc:
        body = exc.read(2000).decode(errors="replace")
        return Readiness(is_ready=False, detail=f"{url} answered {exc.code}: {body}")
    except OSError as exc:
        return Readiness(is_ready=False, detail=f"{url} did not answer: {exc}")
