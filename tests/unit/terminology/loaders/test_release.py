"""What loaders hand over."""

from __future__ import annotations

from terminology.loaders import Report


def test_a_report_counts() -> None:
    report, other = Report(), Report()
    report.count("files")
    report.count("files", 2)
    assert report.counts == {"files": 3}
    assert other == Report()
