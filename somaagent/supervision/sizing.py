"""How much memory PostgreSQL keeps pages in: as much as there is data, within what there is."""

from pathlib import Path

import psutil

LEAST_MB = 128
# PostgreSQL's manual, "shared_buffers": a reasonable start for a server of its own.
SHARE = 4
_MB = 1 << 20
# The limit of the container that this runs in; of version 2 and of version 1.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def shared_buffers_mb(data_dir: Path) -> int:
    """MB for a cluster: the size of its tables now, 128 at least, a quarter of the memory at most.

    An installation that is small stays small; a large one reads from memory after its next start,
    whatever the system does with the pages of files.
    """
    data_mb = sum(file.stat().st_size for file in data_dir.glob("base/*/*")) // _MB
    return max(LEAST_MB, min(data_mb, memory() // SHARE // _MB))


def memory(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Bytes that there are for all programs: of the machine, or of the container in it."""
    found = [psutil.virtual_memory().total]
    for path in limits:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # no container; "max"
            continue
    return min(found)
