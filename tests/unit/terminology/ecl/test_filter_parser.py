"""Every alternative of the filters in the grammar of ECL 2.2, what it is read as, and what is refused. TX-70, TX-72"""

from __future__ import annotations

import pytest

from resources.outcome import BadRequest
from terminology.ecl import parse, render

# What is written, and how the brief syntax writes it again.
READ = [
    # filters of descriptions
    ('* {{ term = "a  b" }}', '* {{ D term = "a  b" }}'),
    ('*{{d TERM!=("a" match:"b")}}', '* {{ D term != ("a" match:"b") }}'),
    ('* {{ Dterm = "a", language = EN }}', '* {{ D term = "a", language = en }}'),
    ("* {{ language != (en sv) }}", "* {{ D language != (en sv) }}"),
    ("* {{ type = syn }} {{ type = (FSN def synonym) }}", "* {{ D type = syn }} {{ D type = (fsn def syn) }}"),
    ("* {{ type = FullySpecifiedName, type != definition }}", "* {{ D type = fsn, type != def }}"),
    ("* {{ typeId = 1234567 |a| }}", "* {{ D typeId = 1234567 |a| }}"),
    ("* {{ typeid = (1234567 2345678|b| 3456789) }}", "* {{ D typeId = (1234567 2345678 |b| 3456789) }}"),
    ("* {{ typeId = (1234567) }}", "* {{ D typeId = (1234567) }}"),
    ("* {{ typeId = (1234567 OR 2345678) }}", "* {{ D typeId = (1234567 OR 2345678) }}"),
    ("* {{ dialect = en-us }}", "* {{ D dialect = en-us }}"),
    ("* {{ dialect = en-x-nhs2 (prefer) }}", "* {{ D dialect = en-x-nhs2 (prefer) }}"),
    ("* {{ dialect != (en-gb (accept prefer) sv) (acceptable) }}", "* {{ D dialect != (en-gb (accept prefer) sv) (accept) }}"),
    ("* {{ dialectId = 1234567 (2345678 3456789 |x|) }}", "* {{ D dialectId = 1234567 (2345678 3456789 |x|) }}"),
    ("* {{ dialectId = (1234567 (preferred) 2345678) }}", "* {{ D dialectId = (1234567 (prefer) 2345678) }}"),
    ("* {{ dialectId = (<1234567) (prefer) }}", "* {{ D dialectId = (< 1234567) (prefer) }}"),
    ("* {{ moduleId = < 1234567 }}", "* {{ D moduleId = < 1234567 }}"),
    ("* {{ id = 1234567 }}", "* {{ D id = 1234567 }}"),
    ("* {{ id != (1234567 2345678) }}", "* {{ D id != (1234567 2345678) }}"),
    ('* {{ effectiveTime >= "20240131" }}', '* {{ D effectiveTime >= "20240131" }}'),
    ('* {{ effectiveTime = ("" "20241231") }}', '* {{ D effectiveTime = ("" "20241231") }}'),
    ("* {{ active = 1 }}", "* {{ D active = true }}"),
    ("* {{ active != FALSE }}", "* {{ D active != false }}"),
    # filters of concepts
    ("* {{ C definitionStatus = primitive }}", "* {{ C definitionStatus = primitive }}"),
    ("* {{c definitionStatus=(primitive defined)}}", "* {{ C definitionStatus = (primitive defined) }}"),
    ("* {{ CdefinitionStatusId != 1234567, active = 0 }}", "* {{ C definitionStatusId != 1234567, active = false }}"),
    ('* {{ C moduleId = (1234567 2345678), effectiveTime < "20240131" }}',) * 2,
    ('* {{ D term = "a" }} {{ C active = true }} {{ D id = 1234567 }}',) * 2,
    # filters of members
    ('^ 1234567 {{ M mapTarget = "J45.9" }}',) * 2,
    ("^ 1234567 {{m mapGroup != #2, mapPriority < #2.5}} {{ M a = <1234567 }}",
     "^ 1234567 {{ M mapGroup != #2, mapPriority < #2.5 }} {{ M a = < 1234567 }}"),
    ("^ 1234567 {{ MmapGroup = #2 }}", "^ 1234567 {{ M mapGroup = #2 }}"),
    ('^ 1234567 {{ M moduleId = 2345678, active = 1, effectiveTime > "20240131", a = false }}',
     '^ 1234567 {{ M moduleId = 2345678, active = true, effectiveTime > "20240131", a = false }}'),
    ('^ 1234567 {{ M a >= "20240131", b = "", c = ("" "20240131") }}',) * 2,
    ('^ 1234567 {{ M a = ("x" wild:"y*") }} {{ C active = true }}',) * 2,
    # history
    ("* {{ + HISTORY }}", "* {{ + HISTORY }}"),
    ("* {{+history-min}}", "* {{ + HISTORY-MIN }}"),
    ("* {{ + HISTORY_MOD }}", "* {{ + HISTORY-MOD }}"),
    ("* {{ + History-Max }}", "* {{ + HISTORY-MAX }}"),
    ("* {{ + HISTORY(1234567 OR 2345678) }}", "* {{ + HISTORY (1234567 OR 2345678) }}"),
    ("* {{ C active = 1 }} {{ + HISTORY (*) }}", "* {{ C active = true }} {{ + HISTORY (*) }}"),
    ("* {{ + HISTORY }} AND *", "* {{ + HISTORY }} AND *"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "brief"), READ)
def test_read(text: str, brief: str) -> None:
    expression = parse(text)
    assert render(expression) == brief
    assert parse(brief) == expression


# What is written, where the fault is, and a piece of what was expected.
REFUSED = [
    ("* {{ }}", 6, "D, C or M"),
    ("* {{ foo = 1 }}", 6, "D, C or M"),
    ("* {{ D active }}", 15, "a comparison"),
    ("* {{ D active = 2 }}", 17, "true or false"),
    ("* {{ D active < 1 }}", 15, "= or !="),
    ("* {{ D active = 1", 18, "'}}'"),
    ("* {{ D active = 1, }}", 20, "one of term"),
    ("* {{ D definitionStatus = primitive }}", 8, "one of term"),
    ("* {{ C term = \"a\" }}", 8, "one of definitionStatusId"),
    ("* {{ C definitionStatus = other }}", 27, "primitive or defined"),
    ("* {{ type = other }}", 13, "syn, fsn or def"),
    ("* {{ language = eng }}", 17, "two letters"),
    ("* {{ language = () }}", 18, "two letters"),
    ("* {{ dialect = 1 }}", 16, "the alias"),
    ("* {{ dialect = en (best) }}", 20, "accept, prefer"),
    ('* {{ effectiveTime = "20241301" }}', 22, "a date"),
    ('* {{ effectiveTime = "20241232" }}', 22, "a date"),
    ('* {{ effectiveTime = "02240101" }}', 22, "a date"),
    ("* {{ effectiveTime = 20240101 }}", 22, "a date"),
    ("* {{ id = 12 }}", 11, "6 to 18 digits"),
    ("* {{ term = a }}", 13, "a text"),
    ('* {{ M a = "b" }}', 6, "only after '^'"),
    ('^* {{ C active = 1 }} {{ M a = "b" }}', 26, "only after '^'"),
    ("^* {{ M 1 = 1 }}", 9, "the field"),
    ("* {{ + HISTORIES }}", 8, "HISTORY"),
    ("* {{ + HISTORY-OLD }}", 15, "'}}'"),
    ("* {{ + HISTORY-MIN (*) }}", 20, "'}}'"),
    ("* {{ + HISTORY }} {{ C active = 1 }}", 19, "the end"),
    ('* {{ term = "a\u0007" }}', 13, "a text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "expected"), REFUSED)
def test_refused(text: str, column: int, expected: str) -> None:
    """TX-72"""
    with pytest.raises(BadRequest) as caught:
        parse(text)
    issue = caught.value.issues[0]
    assert (issue.code, issue.location) == ("invalid", (f"line 1, column {column}",))
    assert expected in issue.diagnostics.partition("expected ")[2].rpartition(", found ")[0]
