"""UCUM's table as a code system; the official file where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders import Archive, BadFile, Options, auto, ucum
from terminology.records import Concept, Property, Record, Term
from tests.suites import DATA

TABLE = """<?xml version="1.0" encoding="ascii"?>
<root xmlns="http://unitsofmeasure.org/ucum-essence" version="9.1">
  <prefix Code="k"><name>kilo</name></prefix>
  <base-unit Code="x" dim="X"><name>exer</name><property>effort</property></base-unit>
  <unit Code="[y]" isMetric="no" class="sports"><name>yoke</name><name>yog</name><property>effort</property>
    <value Unit="x" UNIT="X" value="2.50">2.50</value></unit>
</root>"""


def _records(path: Path) -> list[Record]:
    archive = Archive(path)
    assert auto(archive) is ucum.LOADER
    [release] = ucum.read(archive, Options())
    assert (release.about.url, release.about.content, release.about.kind) == (ucum.URL, "fragment", "ucum")
    return [one for part in release.parts for one in part.records()]


def test_units_have_names_and_values_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "ucum-essence.xml").write_text(TABLE)
    found = _records(tmp_path)
    assert [one for one in found if isinstance(one, Concept)] == [Concept("x", "exer"), Concept("[y]", "yoke")]
    assert [one.value for one in found if isinstance(one, Term)] == ["yog"]
    assert {(one.name, one.value) for one in found if isinstance(one, Property) and one.code == "[y]"} == {
        ("property", "effort"), ("class", "sports"), ("metric", "false"), ("special", "false"), ("value", "2.50"),
        ("unit", "x"),
    }  # fmt: skip
    assert next(ucum.read(Archive(tmp_path), Options())).about.version == "9.1"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [('Code="[y]" ', "", "line 5, column 3: the unit has no Code"), (' version="9.1"', "", "says no version")],
)
def test_what_is_malformed_is_told(before: str, after: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "ucum-essence.xml").write_text(TABLE.replace(before, after))
    with pytest.raises(BadFile, match=text):
        _records(tmp_path)


@pytest.mark.suite("terminology")
def test_the_official_table_has_7_base_units_and_305_units() -> None:
    """TX-124."""
    found = _records(DATA / "terminology/ucum")
    assert sum(isinstance(one, Concept) for one in found) == 312
    special = [one for one in found if isinstance(one, Property) and (one.name, one.value) == ("special", "true")]
    assert len(special) == 21
