"""Normal forms: nearest primitive ancestors and attributes in their groups, of concepts of our own."""

from __future__ import annotations

from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.operations.lookup import lookup
from terminology.operations.normal_form import normal_form
from terminology.records import About, Concept, Parent, Property, Record
from terminology.scope import CODE_SYSTEM, Candidate, Scope

from .asked import asked, values

URL = "http://snomed.info/sct"
# 100 above 200 and 300, both primitive; 400 is defined below both; 500 is defined below 400; 600 is primitive below 500.
RECORDS: list[Record] = [
    *(Concept(code, f"Thing {code}") for code in ("100", "200", "300", "400", "500", "600", "700", "800", "900")),
    *(
        Parent(*pair)
        for pair in (("200", "100"), ("300", "100"), ("400", "200"), ("400", "300"), ("500", "400"), ("600", "500"))
    ),
    *(Property(code, "sufficientlyDefined", "true", "boolean") for code in ("400", "500")),
    *(Property(code, "sufficientlyDefined", "false", "boolean") for code in ("100", "200", "300", "600")),
    Property("500", "700", "800", "concept"),
    Property("500", "900", "800", "concept", group=2),
    Property("500", "700", "900", "concept", group=2),
    Property("500", "800", "2.5", "decimal", group=1),
]
SYSTEM = Indexed(build(About(URL, "http://snomed.info/sct/1/version/20240101", "Own", kind="snomed"), RECORDS))


def form(code: str, with_terms: bool = False) -> str:
    ordinal = SYSTEM.find(code)
    assert ordinal is not None
    return normal_form(SYSTEM, ordinal, with_terms=with_terms)


def test_tx02_normal_forms() -> None:
    assert form("400") == "===200+300"
    assert form("500") == "===200+300:700=800,{700=900,900=800},{800=#2.5}"
    assert form("600") == "<<<200+300"
    assert form("100") == "<<<100"
    assert form("400", with_terms=True) == "=== 200 |Thing 200| + 300 |Thing 300|"
    assert form("500", with_terms=True) == (
        "=== 200 |Thing 200| + 300 |Thing 300| : 700 |Thing 700| = 800 |Thing 800|, "
        "{ 700 |Thing 700| = 900 |Thing 900|, 900 |Thing 900| = 800 |Thing 800| }, { 800 |Thing 800| = #2.5 }"
    )


class Only:
    """A source of the one system."""

    def find(self, resource_type: str, url: str) -> list[Candidate]:
        about = SYSTEM.about
        return [Candidate(CODE_SYSTEM, URL, about.version, "active", None, lambda: SYSTEM)] if url == URL else []

    def all(self, resource_type: str) -> list[Candidate]:
        return []


def test_tx02_attributes_stand_in_their_groups() -> None:
    here = Scope([Only()], supplement=lambda system, trees: system)
    answer = lookup(here, asked(system=URL, code="500"))
    found = {one["code"]: one for one in values(answer, "property") if one["code"] != "609096000"}
    assert found["700"] == {"code": "700", "value": "800", "description": "Thing 800"}
    assert found["sufficientlyDefined"]["value"] is True
    assert "normalForm" not in found
    groups = [one["subproperty"] for one in values(answer, "property") if one["code"] == "609096000"]
    assert groups == [
        {"code": "800", "value": groups[0]["value"]},
        [
            {"code": "900", "value": "800", "description": "Thing 800"},
            {"code": "700", "value": "900", "description": "Thing 900"},
        ],
    ]
    assert str(groups[0]["value"]) == "2.5"
    one = lookup(here, asked(system=URL, code="500", property="900"))
    assert values(one, "property") == [
        {"code": "609096000", "subproperty": {"code": "900", "value": "800", "description": "Thing 800"}}
    ]
    terse = lookup(here, asked(system=URL, code="400", property="normalFormTerse"))
    assert values(terse, "property") == [{"code": "normalFormTerse", "value": "===200+300"}]
