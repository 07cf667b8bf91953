"""kill -9 between any two steps of remembering, delivering, indexing and forgetting.

`./soma bench memory` does the same with more kills (`--kills`).
"""

import json
import os
import subprocess
import sys

import pytest

from tests.support.chaos import Installation
from tests.support.web import ROOT

pytestmark = pytest.mark.slow

KILLS, SEED = 150, 1_815


def test_a_process_killed_at_any_point_loses_and_doubles_no_memory(place: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.memory_kills"],
        cwd=ROOT,
        env={**os.environ, "SA01_VAR_DIR": str(place.var_dir), "SA01_LOG_LEVEL": "error"},
        input=json.dumps({"kills": KILLS, "seed": SEED}) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    kinds = {point.partition(":")[0] for point in told["points"]}
    print(
        f"\n{told['kills']} kills at {len(told['points'])} points: {told['acknowledged']} "
        f"acknowledged, {len(told['lost'])} lost, {len(told['doubled'])} doubled"
    )
    assert told["lost"] == []
    assert told["doubled"] == []
    # Nothing that was never asked for, nothing that was forgotten, nothing half done.
    assert told["strange"] == []
    assert (told["not_indexed"], told["undelivered"], told["owed"]) == (0, 0, 0)
    assert told["failures"] == {}
    # The sweep did what it says: a kill may come before the acknowledgement, most come after one.
    assert told["kills"] >= KILLS
    assert kinds == {"remember", "batch", "tell", "deliver", "index", "forget"}
    assert len(told["points"]) >= 20
    assert told["acknowledged"] > KILLS // 2
    assert told["forgotten"] > 0
