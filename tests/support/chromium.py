"""Finds a Chromium for the browser suite, or installs the system package where it may."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SOMA_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = f"no Chromium found: install the package chromium, or set {VARIABLE} to its path"


@dataclass(frozen=True, slots=True)
class Missing:
    """There is none, and why."""

    reason: str


def find_or_install(environ: Mapping[str, str]) -> Path | Missing:
    """Return the browser to use: the one that is named, the system's, or one installed now."""
    if chosen := environ.get(VARIABLE):
        is_there = Path(chosen).is_file() and os.access(chosen, os.X_OK)
        return Path(chosen) if is_there else Missing(f"{VARIABLE}={chosen} is not a program")
    return _find() or _install() or Missing(ADVICE)


def _find() -> Path | None:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def _install() -> Path | None:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return None
    print("Installing chromium with apt-get; this takes a minute or two.", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run([apt, "-qq", *arguments], env=quiet, check=False, capture_output=True)
        if done.returncode != 0:
            print(done.stderr.decode(errors="replace")[-500:])
            return None
    return _find()
