"""What follows from the settings: connections, sockets, secrets made here."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
from psycopg.conninfo import conninfo_to_dict

from somaagent.config import Config, ConfigError, load
from somaagent.config.local_secrets import MARKER_NAME


def of(var_dir: Path, **environ: str) -> Config:
    return load({"SA01_VAR_DIR": str(var_dir), **environ})


@pytest.mark.parametrize("name", ["var", "a path with spaces", "x" * 120, "100%, yes; #1"])
def test_sockets_fit_the_kernel_and_every_connection_string(tmp_path: Path, name: str) -> None:
    config = of(tmp_path / name)
    longest = config.socket_dir / "supervisor.sock.4194304"
    assert len(os.fsencode(longest)) <= 107
    parts = conninfo_to_dict(config.effective_db_dsn("app"))
    assert parts["host"] == str(config.postgres_socket_dir)
    assert unquote(config.effective_redis_url()) == f"unix://{config.valkey_socket}"


def test_the_same_directory_always_gives_the_same_sockets(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 150)
    assert of(long).socket_dir == of(long).socket_dir
    assert of(long).socket_dir != of(tmp_path / ("y" * 150)).socket_dir


def test_embedded_connections_sign_in_as_their_own_role(tmp_path: Path) -> None:
    config = of(tmp_path)
    users = [conninfo_to_dict(config.effective_db_dsn(role))["user"] for role in ("owner", "app")]
    assert users == ["soma_owner", "soma_app"]


def test_one_external_connection_is_switched_to_the_restricted_roles(tmp_path: Path) -> None:
    dsn = "postgresql://o:p%40ss@db:5433/soma?sslmode=require&options=-c%20jit%3Doff"
    config = of(tmp_path, SA01_DB_DSN=dsn)
    assert config.effective_db_dsn("owner") == dsn
    parts = conninfo_to_dict(config.effective_db_dsn("app"))
    assert parts["options"] == "-c jit=off -c role=soma_app"
    assert (parts["password"], parts["sslmode"]) == ("p@ss", "require")


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = of(tmp_path)
    keys = (first.effective_secret_key(), first.effective_encryption_keys())
    again = of(tmp_path)
    assert (again.effective_secret_key(), again.effective_encryption_keys()) == keys
    assert len(next(iter(keys[1].values()))) == 32
    for path in (tmp_path / "secrets", *(tmp_path / "secrets").iterdir()):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    configs = [of(tmp_path) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(Config.effective_secret_key, configs))) == 1


def test_a_lost_secret_is_not_replaced_where_data_exists(tmp_path: Path) -> None:
    of(tmp_path).effective_encryption_keys()
    (tmp_path / MARKER_NAME).write_text("{}")
    (tmp_path / "secrets" / "encryption_keys").unlink()
    with pytest.raises(ConfigError) as refused:
        of(tmp_path).effective_encryption_keys()
    assert "SA01_ENCRYPTION_KEYS" in str(refused.value)
    assert not (tmp_path / "secrets" / "encryption_keys").exists()


def test_an_unwritable_directory_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="SA01_SECRET_KEY"):
        of(tmp_path / "file" / "var").effective_secret_key()


def test_the_answered_hosts_follow_the_public_address(tmp_path: Path) -> None:
    config = of(tmp_path, SA01_PUBLIC_URL="https://agents.example.org/")
    assert config.effective_public_url == "https://agents.example.org"
    assert "agents.example.org" in config.effective_allowed_hosts
    assert "localhost" in config.effective_allowed_hosts


@pytest.mark.parametrize(
    ("mode", "given", "allowed"),
    [("standalone", None, True), ("standalone", False, False), ("saas", None, False),
     ("saas", True, True)],
)  # fmt: skip
def test_programs_send_passwords_on_a_machine_of_ones_own_unless_told(
    tmp_path: Path, mode: str, given: bool | None, allowed: bool
) -> None:
    update = {"deployment_mode": mode, "password_grant": given}
    assert of(tmp_path).model_copy(update=update).effective_password_grant is allowed
