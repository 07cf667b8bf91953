"""`doctor` tells where each value came from, what is well, and what to do about what is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

from somaagent.config import ROOT
from tests.support.up import up

SECRET = "a-secret-key-that-must-never-be-printed-anywhere"


def doctor(var_dir: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SA01_")}
    return subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env={**kept, "SA01_VAR_DIR": str(var_dir), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def line_of(output: str, name: str) -> str:
    pattern = re.compile(rf"  ((ok|note|fail) +)?{re.escape(name)}  ")
    return next(line for line in output.splitlines() if pattern.match(line))


def test_a_running_installation_is_probed_part_by_part(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    with up(var_dir, SA01_SECRET_KEY=SECRET) as run:
        run.wait_ready()
        said = doctor(var_dir, SA01_SECRET_KEY=SECRET, SA01_PORT=str(run.port)).stdout
    assert SECRET not in said
    assert "environment SA01_SECRET_KEY" in line_of(said, "SA01_SECRET_KEY")
    assert f"http://127.0.0.1:{run.port}" in line_of(said, "installation")
    for part in ("database", "pgvector", "migrations", "valkey", "web", "port brain"):
        assert line_of(said, part).startswith("  ok"), said
    assert "restricted" in line_of(said, "role soma_app")


def test_nothing_running_is_no_failure_but_an_open_secret_is(tmp_path: Path) -> None:
    said = doctor(tmp_path)
    assert line_of(said.stdout, "database").startswith("  note")
    assert "./soma up" in said.stdout
    key = tmp_path / "secrets" / "secret_key"
    key.chmod(0o644)
    opened = doctor(tmp_path)
    assert opened.returncode == 1
    assert f"chmod go-rwx '{key}'" in opened.stdout


def test_a_server_that_is_away_is_a_failure(tmp_path: Path) -> None:
    said = doctor(tmp_path, SA01_REDIS_URL="redis://127.0.0.1:9/0")
    assert said.returncode == 1
    assert line_of(said.stdout, "valkey").startswith("  fail")
