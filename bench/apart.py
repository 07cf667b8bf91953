"""Parts of a scenario that need Django, and so run in processes of their own."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from bench.machine import ROOT


def ask_apart(module: str, request: dict[str, Any]) -> dict[str, Any]:
    """Run `python -m module` on one request; its answer (the last line). Progress passes through.

    The var directory is only what the settings are read with; what the module starts has its own.
    """
    with tempfile.TemporaryDirectory() as unused:
        done = subprocess.run(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, "SA01_VAR_DIR": unused, "SA01_LOG_LEVEL": "error"},
            input=json.dumps(request) + "\n",
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))
