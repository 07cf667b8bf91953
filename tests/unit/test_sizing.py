"""PostgreSQL keeps its data in memory where there is some, and leaves the machine the rest."""

from pathlib import Path

import pytest

from somaagent.supervision import sizing

MB = 1 << 20


def cluster(directory: Path, *files_mb: int) -> Path:
    """A cluster with tables of these sizes (sparse files)."""
    tables = directory / "base" / "16384"
    tables.mkdir(parents=True)
    for number, size_mb in enumerate(files_mb):
        with (tables / str(number)).open("wb") as file:
            file.truncate(size_mb * MB)
    return directory


@pytest.mark.parametrize(
    ("tables_mb", "memory_mb", "expected_mb"),
    [
        ((), 24_000, 128),  # before initdb
        ((3, 40), 24_000, 128),
        ((300, 700), 24_000, 1_000),
        ((1_000,) * 9, 24_000, 6_000),
        ((1_000,) * 9, 256, 128),  # PostgreSQL's own default: less would not help a small machine
    ],
)
def test_as_much_as_there_is_data_within_a_quarter_of_the_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tables_mb: tuple[int, ...],
    memory_mb: int,
    expected_mb: int,
) -> None:
    monkeypatch.setattr(sizing, "memory", lambda: memory_mb * MB)
    directory = cluster(tmp_path, *tables_mb) if tables_mb else tmp_path
    assert sizing.shared_buffers_mb(directory) == expected_mb


def test_a_container_s_limit_counts_and_no_limit_does_not(tmp_path: Path) -> None:
    limited, unlimited = tmp_path / "limited", tmp_path / "unlimited"
    limited.write_text(f"{512 * MB}\n")
    unlimited.write_text("max\n")
    whole = sizing.memory((tmp_path / "missing",))
    assert sizing.memory((unlimited,)) == whole > 512 * MB
    assert sizing.memory((unlimited, limited)) == 512 * MB
