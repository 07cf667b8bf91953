"""The supervisor: supervisord from the package `supervisor`, told what to run and asked how it is.

Owns: its configuration file, its process, its XML-RPC socket. supervisord restarts what dies,
rotates logs, and on SIGTERM stops the groups in the reverse of their priorities; the order of
starting is `start`'s.
"""

import contextlib
import http.client
import os
import resource
import subprocess
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import SupervisorTransport

from somaagent.config import Config
from somaagent.config.groups import ROOT
from somaagent.supervision import child
from somaagent.supervision.lock import MARK

GROUP = "application"
# Started first, stopped last. What is not named here belongs to the group and stops all at once.
SERVER_PRIORITIES = {"postgres": 10, "valkey": 20}
GROUP_PRIORITY = 30
WANTED_FILES = 65536  # a socket of a user is an open file
# glibc gives threads heaps of their own, each with holes of its own: under load a fifth more memory
# stays resident than is used. An environment that says otherwise is left as it is.
MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "262144"}
FAILED_STATES = frozenset({"BACKOFF", "EXITED", "FATAL", "UNKNOWN"})
# A supervisord that ends under a call breaks the line anywhere, or answers that it shuts down.
NO_ANSWER = (OSError, http.client.HTTPException, xmlrpc.client.Error)


@dataclass(frozen=True, slots=True)
class ChildState:
    """What the supervisor says of one program."""

    name: str
    state: str
    pid: int
    started_at_s: int


class Supervisor:
    """One supervisord and the programs that it may run."""

    def __init__(self, config: Config, specs: Sequence[child.ChildSpec]) -> None:
        self._config = config
        self._specs = {spec.name: spec for spec in specs}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Its XML-RPC socket (mode 0700)."""
        return self._config.socket_dir / "supervisor.sock"

    def launch(self) -> None:
        """Start supervisord; it starts no program before it is told to."""
        run_dir = self._config.var_dir / "run"
        self.socket.unlink(missing_ok=True)
        children = run_dir / "children.json"
        conf = run_dir / "supervisord.conf"
        conf.write_text(_configuration(self.socket, list(self._specs.values())))
        itself = child.ChildSpec(
            name="supervisord",
            argv=[
                *(sys.executable, "-m", "supervisor.supervisord"),
                *("--nodaemon", "--configuration", str(conf)),
            ],
        )
        child.write([itself, *self._specs.values()], children)
        with (self._config.var_dir / "log" / "supervisord.out").open("wb") as output:
            self._process = subprocess.Popen(  # our own program
                [sys.executable, "-m", "somaagent.supervision.child", "supervisord"],
                cwd=ROOT,
                env=_environment(self._config, children),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for `up` alone, which stops everything in order.
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Whether supervisord runs."""
        return self._process is not None and self._process.poll() is None

    def is_answering(self) -> bool:
        """Whether its socket takes orders."""
        try:
            self._call("getState")
        except NO_ANSWER:
            return False
        return True

    def start(self, name: str) -> None:
        """Order the start of one program; who waits for it notices an order that was not taken."""
        full = name if name in SERVER_PRIORITIES else f"{GROUP}:{name}"
        with contextlib.suppress(*NO_ANSWER):
            self._call("startProcess", full, False)

    def states(self) -> list[ChildState]:
        """Return the state of every program; none of a supervisord that does not answer."""
        try:
            answers = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        except NO_ANSWER:
            return []
        return [
            ChildState(answer["name"], answer["statename"], answer["pid"], answer["start"])
            for answer in answers
        ]

    def stop(self, wait_s: float) -> bool:
        """Stop every program in order, then supervisord; False when it had to be killed."""
        if self._process is None:
            return True
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        finally:
            self.socket.unlink(missing_ok=True)
        return True

    def _call(self, method: str, *arguments: object) -> object:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        server = xmlrpc.client.ServerProxy("http://supervisor", transport=transport)
        try:
            return getattr(server.supervisor, method)(*arguments)
        finally:
            transport.close()


def _environment(config: Config, children: Path) -> Mapping[str, str]:
    interpreter_dir = str(Path(sys.executable).parent)
    return {
        **MALLOC,
        **os.environ,
        "PATH": os.pathsep.join((interpreter_dir, os.environ.get("PATH", os.defpath))),
        "DJANGO_SETTINGS_MODULE": "somaagent.settings",
        "SA01_VAR_DIR": str(config.var_dir),
        "SA01_PORT": str(config.port),
        child.CHILDREN_FILE: str(children),
        MARK: str(config.var_dir),
    }


def _configuration(socket: Path, specs: Sequence[child.ChildSpec]) -> str:
    """Write supervisord's own language. Paths go by %(here)s, so no character needs quoting."""
    members = [spec.name for spec in specs if spec.name not in SERVER_PRIORITIES]
    sections = [
        f"[unix_http_server]\nfile={socket}\nchmod=0700",
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisord]\nnodaemon=true\nsilent=true\numask=027\n"
        "logfile=%(here)s/../log/supervisord.log\nlogfile_maxbytes=5MB\nlogfile_backups=2\n"
        "childlogdir=%(here)s/../log\npidfile=%(here)s/supervisord.pid\n"
        f"minfds={_open_files()}",
        *map(_program, specs),
        f"[group:{GROUP}]\nprograms={','.join(members)}\npriority={GROUP_PRIORITY}",
    ]
    return "\n\n".join(sections) + "\n"


def _program(spec: child.ChildSpec) -> str:
    lines = [
        f"[program:{spec.name}]",
        f"command=python -m somaagent.supervision.child {spec.name}",
        "autostart=false",
        "autorestart=true",
        "startsecs=1",
        "startretries=20",
        f"priority={SERVER_PRIORITIES.get(spec.name, GROUP_PRIORITY)}",
        f"stopsignal={spec.stop_signal}",
        f"stopwaitsecs={spec.stop_wait_s}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile=%(here)s/../log/{spec.name}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=5",
    ]
    return "\n".join(lines)


def _open_files() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
