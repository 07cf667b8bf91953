"""Size of the default `.venv`: what `./soma up` installs, fresh, after the product was loaded once.

Installed the way `soma` does, into a directory of the user's cache that is removed again; the
figure is kept there by the digest of the lock files, so that a second run takes no time. Blocks on
the disk are counted, including what Python compiled while the product was imported.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine import ROOT
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

LOCKS = ("base.txt", "model.txt")
LIMIT_MB = 800
PIP = ("-m", "pip", "install", "--quiet", "--no-compile", "--require-hashes")
IMPORTED = "import somaagent.asgi, somaagent.celery, somaagent.wiring"


def run(bench: "Bench") -> list[Figure]:
    """The kept figure, or a fresh one."""
    locks = [ROOT / "requirements" / name for name in LOCKS]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    kept = bench.cache / f"venv-{digest}.json"
    if not kept.exists():
        kept.write_text(json.dumps(_install(bench.cache, locks)))
    measured: dict[str, Any] = bench.keep("venv", json.loads(kept.read_text()))
    note = f"{measured['installed_mb']:.0f} MB before the first start"
    return [Figure("default .venv", measured["used_mb"], LIMIT_MB, " MB", 0, note)]


def _install(cache: Path, locks: list[Path]) -> dict[str, float]:
    directory = cache / "venv"
    shutil.rmtree(directory, ignore_errors=True)
    base = getattr(sys, "_base_executable", sys.executable)
    python = str(directory / "bin" / "python")
    try:
        _call(base, "-m", "venv", str(directory))
        _call(python, *PIP, "-r", str(locks[0]))
        _call(python, *PIP, "--no-deps", "-r", str(locks[1]))
        installed_mb = size_mb(directory)
        with tempfile.TemporaryDirectory() as var:
            _call(python, "-c", IMPORTED, SA01_VAR_DIR=var)
        return {"installed_mb": installed_mb, "used_mb": size_mb(directory)}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def size_mb(directory: Path) -> float:
    """Blocks on the disk, each file once."""
    entries = (entry.lstat() for entry in directory.rglob("*"))
    return sum({one.st_ino: one.st_blocks * 512 for one in entries}.values()) / 1e6


def _call(*command: str, **environ: str) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
