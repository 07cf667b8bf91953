"""Facts about the machine, kept with every measurement: figures mean nothing without them."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]


def facts(data_dir: Path) -> dict[str, Any]:
    """Processor, memory, system, Python, commit, and the file system that holds the data."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "is_changed": bool(_output("git", "status", "--porcelain", "--untracked-files=no")),
        "data_file_system": _file_system(data_dir),
        "other_load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _file_system(data_dir: Path) -> str:
    """Type of the file system; on tmpfs a commit would cost nothing."""
    found = [
        part
        for part in psutil.disk_partitions(all=True)
        if data_dir.is_relative_to(part.mountpoint)
    ]
    return max(found, key=lambda part: len(part.mountpoint)).fstype if found else "unknown"


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
