"""Indexing anew: the sample is fair, and every phase has its step."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from search import reindexing
from search.reindexing import SAMPLE, _sampled
from search.store import Stored


def test_every_resource_has_the_same_chance_to_be_in_the_sample() -> None:
    seen: Counter[int] = Counter()
    for _ in range(300):
        sample: list[tuple[int, int]] = []
        for page in range(4):
            found = [Stored((0, 0), page * 50 + n, 1, 1, "", "") for n in range(50)]
            sample = [(rid, version) for rid, version in _sampled(sample, page * 50, found)]
        assert len(sample) == len(set(sample)) == SAMPLE
        seen.update(rid for rid, _ in sample)
    expected = 300 * SAMPLE / 200
    for page in range(4):
        mean = sum(seen[page * 50 + n] for n in range(50)) / 50
        assert abs(mean - expected) < 12


def test_every_phase_has_its_step() -> None:
    named = set(re.findall(r'phase"?[=:] ?"(\w+)"', Path(reindexing.__file__).read_text()))
    assert named == {"waiting", "walking", "proving", "ended"}
    assert set(reindexing._PHASES) == {"beginning", *named} - {"ended"}
