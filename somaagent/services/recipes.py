"""What a recipe is, and the table of them. A new service is a new module and a line here."""

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CACHE_VARIABLE = "XDG_CACHE_HOME"
FETCH_DEADLINE_S = 900


class ServiceProblem(Exception):
    """A service cannot be had or does not start; the message says what to do."""


class ToolsMissing(ServiceProblem):
    """This machine lacks a program that the recipe needs."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a service is run once its data directory is ready. `addresses`: {name: host:port}."""

    argv: Sequence[str]
    addresses: Mapping[str, str]


class Recipe(Protocol):
    """One service: where it comes from, how it starts, when it is ready."""

    name: str
    version: str
    # Programs that must be on the PATH: {program: how to get it}.
    tools: Mapping[str, str]
    # What fetching takes, for whoever waits.
    size: str

    def fetch(self, into: Path) -> None:
        """Put the service's files into the empty folder `into`. Raises: ServiceProblem."""
        ...

    def prepare(self, files: Path, run_dir: Path) -> Launch:
        """Write configuration and data into the empty `run_dir` and choose free ports."""
        ...

    def is_ready(self, launch_addresses: Mapping[str, str]) -> bool:
        """Whether it answers."""
        ...


def recipes() -> dict[str, Recipe]:
    """Every recipe by name."""
    from somaagent.services.kafka import Kafka
    from somaagent.services.keycloak import Keycloak
    from somaagent.services.s3 import S3
    from somaagent.services.spicedb import SpiceDB

    known: list[Recipe] = [Kafka(), Keycloak(), S3(), SpiceDB()]
    return {recipe.name: recipe for recipe in known}


def cache() -> Path:
    """Where fetched files and running services are kept, outside every checkout."""
    root = os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache"
    return Path(root) / "somaagent" / "services"


def missing_tools(recipe: Recipe) -> str:
    """What this machine lacks for `recipe`, in words; empty when nothing."""
    lacking = [
        f"{tool} ({how})" for tool, how in recipe.tools.items() if shutil.which(tool) is None
    ]
    return f"{recipe.name} needs {' and '.join(lacking)}" if lacking else ""


def files_of(recipe: Recipe) -> Path:
    """The service's files, fetched on first use. Raises: ToolsMissing, ServiceProblem."""
    if lacking := missing_tools(recipe):
        raise ToolsMissing(lacking)
    # Another recipe of the same version is another folder.
    stamp = hashlib.sha256(f"{type(recipe).__module__}:{recipe.version}".encode()).hexdigest()[:8]
    folder = cache() / f"{recipe.name}-{recipe.version}-{stamp}"
    if folder.is_dir():
        return folder
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        recipe.fetch(unfinished)
        # Whoever was first has it; a folder under this name is whole.
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def run_tool(argv: Sequence[str], cwd: Path) -> str:
    """Run a fetching or preparing program; its output. Raises: ServiceProblem."""
    try:
        done = subprocess.run(  # noqa: S603  # of the recipes' own making
            argv,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_DEADLINE_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as exc:
        msg = f"{argv[0]} did not end within {FETCH_DEADLINE_S} s"
        raise ServiceProblem(msg) from exc
    if done.returncode:
        tail = (done.stdout + done.stderr).strip()[-1500:]
        msg = f"{Path(argv[0]).name} ended with {done.returncode}:\n{tail}"
        raise ServiceProblem(msg)
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            probe = stack.enter_context(closing(socket.socket()))
            probe.bind(("127.0.0.1", 0))
            found.append(int(probe.getsockname()[1]))
        return found
