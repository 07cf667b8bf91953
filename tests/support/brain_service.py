"""`manage.py brain` as a process, and its keys."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from memory.brain_server import keys
from tests.support.web import ROOT, Process, free_port


class BrainService(Process):
    """The brain's service on a free port."""

    def __init__(self, var_dir: Path, env: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.memory_port = free_port()
        self.memory_base = f"http://127.0.0.1:{self.memory_port}"
        argv = [sys.executable, "manage.py", "brain", "--port", str(self.port)]
        argv += ["--memory-port", str(self.memory_port)]
        super().__init__(
            f"brain-{self.port}", argv, var_dir, {"SA01_LOG_LEVEL": "warning", **(env or {})}
        )

    def start(self) -> "BrainService":
        super().start()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        self.wait_for(f"{self.base}/health", lambda answer: bool(answer.json()["ready"]))


def issued_token(var_dir: Path) -> str:
    """A new key for every tenant, made on the command line of another installation."""
    done = subprocess.run(
        [sys.executable, "manage.py", "brain", "issue-key", "--name", "test", "--platform"],
        cwd=ROOT,
        env={**os.environ, "SA01_VAR_DIR": str(var_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    return next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Token:"))


def platform_token() -> str:
    """A new key that opens every tenant."""
    return keys.issue("test", None).token


def tenant_token(tenant_id: UUID) -> str:
    """A new key that opens one tenant."""
    return keys.issue("test of one tenant", tenant_id).token
