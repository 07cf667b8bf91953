"""The first minutes with a fresh installation: start, sign-in data, stop, start again."""

import signal
from pathlib import Path

import pytest

from tests.support.services import config_of
from tests.support.up import started_by, up


@pytest.mark.parametrize("name", ["a path with spaces", "x" * 100])
def test_password_is_shown_once_and_every_stop_is_complete(tmp_path: Path, name: str) -> None:
    var_dir = tmp_path / name
    with up(var_dir) as first:
        first.wait_ready()
        assert f"http://127.0.0.1:{first.port}" in first.output
        assert "admin@localhost" in first.output
        (password,) = first.passwords()
        assert first.is_answering()
        programs = " ".join(started_by(var_dir))
        for program in ("postgres", "valkey", "uvicorn", "worker", "beat", "supervisord"):
            assert program in programs
        assert first.stop(signal.SIGINT) == 0
        assert started_by(var_dir) == []

    kept = [path for path in var_dir.rglob("*") if path.is_file() and path.stat().st_size < 10**7]
    assert not any(password.encode() in path.read_bytes() for path in kept)

    with up(var_dir) as second:
        second.wait_ready()
        assert second.passwords() == []
        assert second.stop(signal.SIGTERM) == 0
        assert started_by(var_dir) == []
    sockets = config_of(var_dir).socket_dir
    assert sockets.is_relative_to(var_dir) or not sockets.exists()


@pytest.mark.parametrize(
    "step", ["Preparing files", "Starting PostgreSQL", "Migrating the database", "Starting web"]
)
def test_a_signal_at_any_step_leaves_nothing_and_the_next_start_works(
    tmp_path: Path, step: str
) -> None:
    var_dir = tmp_path / "var"
    with up(var_dir) as cut:
        cut.wait_for(step)
        assert cut.stop() == 0
        assert "Traceback" not in cut.output
        assert started_by(var_dir) == []
    if step == "Starting web":
        with up(var_dir) as next_start:
            next_start.wait_ready()


def test_two_installations_live_side_by_side(tmp_path: Path) -> None:
    with up(tmp_path / "one") as one, up(tmp_path / "two") as two:
        one.wait_ready()
        two.wait_ready()
        assert one.stop() == 0
        assert two.is_answering()
