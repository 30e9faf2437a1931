"""CPU time and memory of processes, from /proc."""

from __future__ import annotations

import os
import time
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
    stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    below: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        if stat:
            below.setdefault(int(stat[1]), []).append(pid)
    ticks, left = 0, [root]
    while left:
        pid = left.pop()
        ticks += sum(map(int, stats.get(pid, [])[11:15]))
        left += below.get(pid, [])
    return ticks / TICK


class Cpu:
    """CPU seconds of processes and all below them; own: and of this one, without what the measuring itself takes."""

    def __init__(self, *roots: int, own: bool = False) -> None:
        self._roots = roots
        self._own = own
        self._measuring = 0.0

    def __call__(self) -> float:
        start = time.process_time()
        seconds = sum(map(cpu_seconds, self._roots)) + (start - self._measuring if self._own else 0)
        self._measuring += time.process_time() - start
        return seconds


def peak_megabytes(pid: int) -> float:
    """The largest resident size the process ever had."""
    return _megabytes(pid, "VmHWM")


def resident_megabytes(pid: int) -> float:
    """The resident size the process has now."""
    return _megabytes(pid, "VmRSS")


def _megabytes(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0
