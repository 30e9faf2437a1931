"""CPU time and memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(pid: int) -> list[int]:
    """Live processes whose parent is pid."""
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [child for child in pids if (stat := _stat(child)) and int(stat[1]) == pid]


def cpu_seconds(root: int) -> float:
    """User and system time of a process and all below it, the ones that have ended and were waited for included."""
    stat = _stat(root)
    own = sum(map(int, stat[11:15])) / TICK if stat else 0.0
    return own + sum(cpu_seconds(child) for child in children(root))


def peak_megabytes(pid: int) -> float:
    """The largest resident size the process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
