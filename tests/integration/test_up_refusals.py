"""A start that cannot work says why and what to do, on one screen, and leaves nothing behind."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kernel.rls import ensure_roles
from tests.support import services
from tests.support.up import Up, end, started_by, up

SCREEN_LINES = 24


def refusal_of(run: Up) -> tuple[int, str]:
    """Return exit code and message of a start that must be refused."""
    code = run.wait_end(30)
    assert len(run.output.splitlines()) <= SCREEN_LINES, run.output
    assert "Traceback" not in run.output
    assert started_by(run.var_dir) == []
    return code, run.output


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SA01_DEPLOYMENT_MODE", "prod", "standalone or saas"),
        ("SA01_DEPLOYMENT_MOD", "saas", "did you mean SA01_DEPLOYMENT_MODE?"),
        ("SA01_WEB_WORKERS", "many", "a whole number from 1 to 64"),
    ],
)
def test_a_wrong_variable(tmp_path: Path, variable: str, value: str, said: str) -> None:
    with up(tmp_path / "var", **{variable: value}) as run:
        code, output = refusal_of(run)
    assert code == 2
    assert variable in output
    assert said in output
    assert not (tmp_path / "var").exists()


def test_saas_without_services(tmp_path: Path) -> None:
    with up(tmp_path / "var", SA01_DEPLOYMENT_MODE="saas") as run:
        code = run.wait_end(30)
        assert code == 2
        for name in ("SA01_DB_DSN", "SA01_REDIS_URL", "SA01_SECRET_KEY", "SA01_PUBLIC_URL"):
            assert name in run.output


def test_a_busy_port(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        run = Up(tmp_path / "var", port=port).start()
        try:
            code, output = refusal_of(run)
        finally:
            end(run)
    assert code == 1
    assert f"Port {port}" in output
    assert "--port" in output


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with up(tmp_path / "file") as run:
        code, output = refusal_of(run)
    assert code == 2
    assert str(tmp_path / "file") in output
    assert "writable" in output


def test_lost_database_files_are_not_replaced_by_an_empty_database(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    with up(var_dir) as run:
        run.wait_ready()
        assert run.stop() == 0
    shutil.rmtree(var_dir / "postgres")
    with up(var_dir) as run:
        code, output = refusal_of(run)
    assert code == 4
    assert "data-exists.json" in output
    assert not (var_dir / "postgres").exists()


@pytest.fixture
def external(tmp_path: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey of somebody else, reached by address only."""
    with services.postgres(tmp_path / "theirs") as config, services.valkey(tmp_path / "theirs"):
        yield {
            "SA01_DB_DSN": config.effective_db_dsn("owner"),
            "SA01_REDIS_URL": config.effective_redis_url(),
        }


def test_external_servers_are_used_and_another_database_is_refused(
    tmp_path: Path, external: dict[str, str]
) -> None:
    var_dir = tmp_path / "ours"
    with up(var_dir, **external) as run:
        run.wait_ready()
        programs = " ".join(started_by(var_dir))
        assert "pginstall" not in programs
        assert "valkey-server" not in programs
        assert run.stop() == 0
    config = services.config_of(tmp_path / "theirs")
    services.create_empty_database(config, "another")
    other = external["SA01_DB_DSN"].replace("/soma?", "/another?")
    ensure_roles(other, login=True)
    with up(var_dir, **{**external, "SA01_DB_DSN": other}) as run:
        code, output = refusal_of(run)
    assert code == 4
    assert "is empty" in output


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    dead = "postgresql://o@127.0.0.1:9/soma"
    with up(tmp_path / "var", SA01_DB_DSN=dead) as run:
        code, output = refusal_of(run)
    assert code == 1
    assert "SA01_DB_DSN" in output
