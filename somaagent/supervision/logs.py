"""The logs below `var/log`: where each program's is, and what it wrote since this start."""

from pathlib import Path

TAIL_LINES = 12
TAIL_BYTES = 16_384
# supervisord's own log says little about a failed start; what it printed says why.
FILES = {"supervisord": "supervisord.out"}


class LogTails:
    """The logs of one run; lines of earlier runs are not shown as this run's failure."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._offsets = {path: path.stat().st_size for path in log_dir.glob("*.log")}

    def path(self, name: str) -> Path:
        """Return the log of a program."""
        return self._log_dir / FILES.get(name, f"{name}.log")

    def last_lines(self, name: str) -> tuple[Path, list[str]]:
        """Return the log and its last lines of this run."""
        path = self.path(name)
        if not path.exists():
            return path, []
        size = path.stat().st_size
        start = max(self._offsets.get(path, 0), size - TAIL_BYTES)
        with path.open("rb") as file:
            file.seek(min(start, size))
            text = file.read().decode(errors="replace")
        return path, [f"  {line[:200]}" for line in text.splitlines()[-TAIL_LINES:]]
