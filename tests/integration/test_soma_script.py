"""`./soma` installs what is missing, once, and says what it cannot do (stand-in Python)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from somaagent.config import ROOT

# Answers as Python would to what the script asks of it, and keeps what pip was asked for.
STAND_IN = """#!/bin/bash
case "$1 $2" in
"--version ") echo "Python 3.12.1" ;;
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip") echo "${@: -1}" >>"$CALLS"; [[ ! -e $BROKEN ]] || { echo "no network"; exit 1; } ;;
"manage.py "*) echo "manage ${*:2}" ;;
esac
"""
OLD = """#!/bin/bash
[[ $2 == *exit* ]] && exit 1
echo "  $0: Python 3.9.18"
"""


class Checkout:
    """A folder with the script and the lock files, and a PATH with one Python on it."""

    def __init__(self, root: Path, python: str) -> None:
        self.root, self.programs = root / "a check out", root / "bin"
        (self.root / "requirements").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(ROOT / "soma", self.root)
        for name in ("base", "model"):
            (self.root / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
        for name in ("python3", "python3.11", "python3.12", "python3.13", "python"):
            (self.programs / name).write_text(python)
            (self.programs / name).chmod(0o755)
        self.calls, self.broken = root / "calls", root / "broken"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the script from another folder."""
        return subprocess.run(
            [self.root / "soma", *arguments],
            env={
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "HOME": os.environ.get("HOME", "/"),
                "CALLS": str(self.calls),
                "BROKEN": str(self.broken),
            },
            cwd=self.root.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> list[str]:
        """Lock files that pip was given since the last question."""
        lines = self.calls.read_text().split() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path, STAND_IN)


def test_installs_once_and_again_only_when_a_lock_file_says_something_else(
    checkout: Checkout,
) -> None:
    first = checkout.run("manage", "seed")
    assert first.returncode == 0, first.stderr
    assert "manage seed" in first.stdout
    assert "Installing requirements/base.txt" in first.stdout
    assert checkout.installed() == ["requirements/base.txt", "requirements/model.txt"]

    lock = checkout.root / "requirements" / "base.txt"
    lock.touch()
    second = checkout.run("manage", "seed")
    assert second.stdout.split() == ["manage", "seed"]
    assert checkout.installed() == []

    lock.write_text("base==2\n")
    checkout.run("manage", "seed")
    assert checkout.installed() == ["requirements/base.txt"]


def test_an_interrupted_installation_is_not_taken_for_complete(checkout: Checkout) -> None:
    checkout.broken.write_text("")
    failed = checkout.run("manage", "seed")
    assert failed.returncode == 1
    assert "no network" in failed.stderr
    assert "manage seed" not in failed.stdout
    half = checkout.root / ".venv" / "half-installed"
    half.write_text("")
    checkout.broken.unlink()
    checkout.installed()
    assert checkout.run("manage", "seed").returncode == 0
    assert checkout.installed() == ["requirements/base.txt", "requirements/model.txt"]
    assert not half.exists()


def test_two_at_once_install_once(checkout: Checkout) -> None:
    environ = {"PATH": f"{checkout.programs}:/usr/bin:/bin", "CALLS": str(checkout.calls)}
    both = [
        subprocess.Popen(
            [checkout.root / "soma", "manage", "seed"],
            env={**environ, "BROKEN": str(checkout.broken)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=30)[0] for process in both]
    assert all("manage seed" in output for output in outputs)
    assert checkout.installed() == ["requirements/base.txt", "requirements/model.txt"]


def test_an_old_python_is_named_with_where_to_get_a_new_one(tmp_path: Path) -> None:
    refused = Checkout(tmp_path, OLD).run("up")
    assert refused.returncode == 1
    assert "Python 3.11 or newer" in refused.stderr
    assert "Python 3.9.18" in refused.stderr
    assert "python.org" in refused.stderr


def test_help_and_unknown_commands_install_nothing(checkout: Checkout) -> None:
    assert "usage: ./soma" in checkout.run("help").stdout
    assert "usage: ./soma" in checkout.run().stdout
    unknown = checkout.run("upp")
    assert unknown.returncode == 1
    assert '"upp"' in unknown.stderr
    assert not (checkout.root / ".venv").exists()
