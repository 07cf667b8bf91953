"""What is killed comes back, or stops the rest in order; nothing prevents the next start."""

import signal
from pathlib import Path

from tests.support.services import wait_until
from tests.support.up import READY_S, STOP_S, started_by, up, wait_until_gone


def test_a_second_start_says_where_and_a_killed_one_can_be_followed_at_once(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    with up(var_dir) as first:
        first.wait_ready()
        with up(var_dir) as second:
            assert second.wait_end() == 3
            assert f"http://127.0.0.1:{first.port}" in second.output
        assert first.is_answering()

        assert first.process is not None
        first.process.kill()
        first.process.wait()
        with up(var_dir) as follower:
            follower.wait_ready()
            assert follower.passwords() == []
            assert follower.stop() == 0
        assert started_by(var_dir) == []


def test_without_its_supervisor_everything_stops(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    with up(var_dir) as run:
        run.wait_ready()
        run.supervisor.kill()
        assert run.wait_end() == 1
        assert "ended unexpectedly" in run.output
        wait_until_gone(var_dir)
    with up(var_dir) as follower:
        follower.wait_ready()


def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    with up(tmp_path / "var") as run:
        run.wait_ready()
        for name in ("uvicorn", "postgres", "valkey"):
            victim = run.child(name)
            victim.send_signal(signal.SIGKILL)
            victim.wait(STOP_S)
            # What is away is tried again after half a minute at the latest.
            told = f"not ready after {name} was killed\n{run.output}"
            wait_until(run.is_answering, told, deadline_s=READY_S)
        assert run.stop() == 0
