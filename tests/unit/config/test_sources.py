"""Environment before file before YAML before default, and each value says where it came from."""

from pathlib import Path

import pytest

from somaagent.config import ROOT, Config, ConfigError, load, reference
from somaagent.config.modes import ADAPTERS, MODES, PORTS

SECRET = "a-secret-of-at-least-thirty-two-characters"


@pytest.fixture
def yaml_file(tmp_path: Path) -> Path:
    path = tmp_path / "soma.yaml"
    path.write_text(f"port: 3003\nlog_level: warning\nsecret_key: {SECRET}-yaml\n")
    return path


def sources(config: Config) -> dict[str, str]:
    return {each.name: each.source for each in config.describe()}


def test_the_stronger_source_wins_and_is_named(tmp_path: Path, yaml_file: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}-file\n")
    environ = {"SA01_CONFIG_FILE": str(yaml_file), "SA01_SECRET_KEY_FILE": str(secret)}
    config = load({**environ, "SA01_PORT": "4004"})
    assert config.port == 4004
    assert config.effective_secret_key() == f"{SECRET}-file"
    assert config.log_level == "warning"
    named = sources(config)
    assert named["SA01_PORT"] == "environment SA01_PORT"
    assert str(secret) in named["SA01_SECRET_KEY"]
    assert str(yaml_file) in named["SA01_LOG_LEVEL"]
    assert named["SA01_HOST"] == "default"


def test_the_environment_beats_the_secret_file(tmp_path: Path) -> None:
    environ = {
        "SA01_SECRET_KEY": f"{SECRET}-environment",
        "SA01_SECRET_KEY_FILE": str(tmp_path / "not-read"),
    }
    assert load(environ).effective_secret_key() == f"{SECRET}-environment"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot: 1\n", "did you mean port?"),
        ("port: [1\n", "a readable YAML file"),
        ("- port\n", "as in config/dev.yaml"),
        ("port:\n", "a whole number"),
    ],
)
def test_a_wrong_yaml_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "soma.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load({"SA01_CONFIG_FILE": str(path)})
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_missing_yaml_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load({"SA01_CONFIG_FILE": str(tmp_path / "none.yaml")})


def test_samples_are_valid(tmp_path: Path) -> None:
    samples = sorted((ROOT / "config").glob("*.yaml"))
    assert {sample.name for sample in samples} == {
        "dev.yaml",
        "prod-saas.yaml",
        "prod-standalone.yaml",
    }
    # What the saas sample says comes from files.
    for name, value in {
        "SA01_DB_DSN": "postgresql://owner@db/soma",
        "SA01_REDIS_URL": "redis://cache/0",
        "SA01_SECRET_KEY": SECRET,
        "SA01_ENCRYPTION_KEYS": "k1:" + "QUFB" * 10 + "QUE=",
    }.items():
        (tmp_path / name).write_text(value)
    for sample in samples:
        environ = {"SA01_CONFIG_FILE": str(sample)}
        if "saas" in sample.name:
            environ |= {f"{path.name}_FILE": str(path) for path in tmp_path.iterdir()}
        config = load(environ)
        assert config.deployment_mode == ("saas" if "saas" in sample.name else "standalone")


def test_every_mode_names_a_known_adapter_for_every_port() -> None:
    for mode, adapters in MODES.items():
        assert set(adapters) == set(PORTS), mode
        assert all(name in ADAPTERS[port] for port, name in adapters.items())


def test_the_reference_has_a_line_for_every_setting() -> None:
    rows = reference()
    assert {row.variable for row in rows} == {each.name for each in load({}).describe()}
    assert all(row.doc and row.accepted and row.group for row in rows)
    assert str(ROOT) not in str(rows)
