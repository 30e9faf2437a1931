"""Places in the sent text: of trees written here with odd white space, whose offsets are known from writing them."""

from __future__ import annotations

import json
import time
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources import definitions, exact, fhir_xml
from resources.exact import LEVELS
from resources.fhirpath.nodes import add_children, root
from resources.outcome import Issue
from resources.positions import Positions, with_locations

DEFINITIONS = definitions.load()
JSON = """{
  "resourceType" : "Patient",\r
  "gender": null, "_gender": {"extension": [{"url": "x", "valueString": "é"}]},
  "deceasedBoolean": true,
  "é ö": 1, "a`b\\n\\\\": 2,
  "name" : [ {"given":["A", null, "C"], "_given" : [null, {"id": "x"}, {"id": "y"}]} ],
  "contact": [{"name": {"text": "é\\"}]{", "family": "x"}}, {"é": [], "gender": "m"}]
}""".encode()
BUNDLE = b'{"entry":[{"fullUrl":"a"},\n{"resource":{"resourceType":"Patient","name":[{}]}}]}'


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("Patient", (1, 1)),
        ("Patient.gender", (3, 30)),
        ("Patient.gender.extension[0].url", (3, 53)),
        ("Patient.gender.extension[0].value", (3, 73)),
        ("Patient.deceased", (4, 22)),
        ("Patient.deceasedBoolean", (4, 22)),
        ("Patient.deceased[0]", (4, 22)),
        ("Patient.dec", (1, 1)),
        ("Patient.`é ö`", (5, 10)),
        ("Patient.`a\\`b\\n\\\\`", (5, 24)),
        ("Patient.`a\\u0060b\\n\\u005c`", (5, 24)),
        ("Patient.name", (6, 12)),
        ("Patient.name[0]", (6, 14)),
        ("Patient.name[0].given[0]", (6, 24)),
        ("Patient.name[0].given[1]", (6, 59)),
        ("Patient.name[0].given[1].id", (6, 66)),
        ("Patient.name[0].given[2]", (6, 35)),
        ("Patient.name[0].given[2].id", (6, 79)),
        ("Patient.name[0].given[3]", (6, 23)),
        ("Patient.name.given", (6, 23)),
        ("Patient.name[1].given", (6, 12)),
        ("Patient.contact[0].name.family", (7, 53)),
        ("Patient.contact[1].gender", (7, 80)),
        ("Patient.contact[1].name.family", (7, 60)),
        ("Patient.contact[1].where(name = 'x').gender", (7, 60)),
        ("Patient.contact[1].gender.exists()", (7, 80)),
        ("contact[1].gender", (7, 80)),
        ("Patient.`", (1, 1)),
        ("", (1, 1)),
    ],
)
def test_in_json(expression: str, place: tuple[int, int]) -> None:
    assert Positions(JSON, is_xml=False).of(expression) == place


XML = """<?xml version="1.0"?>
<!-- é --><f:Patient xmlns:f="http://hl7.org/fhir">
  <f:contained><f:Medication><f:id value="m"/></f:Medication></f:contained>\r
  <f:name><f:given value="é"/><f:given value="B"><f:extension url="x"><f:valueString value="y"/></f:extension></f:given>
  </f:name><f:name id="2"/>
  <f:text><div xmlns="http://www.w3.org/1999/xhtml"><p>x</p></div></f:text>
</f:Patient>""".encode()


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("Patient", (2, 11)),
        ("Patient.contained[0]", (3, 3)),
        ("Patient.contained[0].id", (3, 30)),
        ("Patient.contained[0].status", (3, 3)),
        ("Patient.name", (4, 3)),
        ("Patient.name[0].given[0]", (4, 11)),
        ("Patient.name[0].given[1].extension[0].value", (4, 71)),
        ("Patient.name[0].given[1].extension[0].url", (4, 50)),
        ("Patient.name.given", (4, 11)),
        ("Patient.name[1].id", (5, 12)),
        ("Patient.name[2]", (4, 3)),
        ("Patient.text.div", (6, 11)),
        ("Patient.text.div.p", (6, 53)),
        ("Patient.gender", (2, 11)),
    ],
)
def test_in_xml(expression: str, place: tuple[int, int]) -> None:
    assert Positions(XML, is_xml=True).of(expression) == place


@pytest.mark.parametrize(
    ("text", "is_xml", "place"),
    [
        (b"", False, None),
        (b" ", False, None),
        (b"\xef\xbb\xbf  {}", False, (1, 3)),
        (b"\xef\xbb\xbf  <Patient/>", True, (1, 3)),
        (b'{"name": "x', False, (1, 10)),
        (b'{"name":', False, (1, 1)),
        (b'{"name": [}', False, (1, 10)),
        (b'{"name": {"a": [}', False, (1, 10)),
        (b'{"name" 1}', False, (1, 1)),
        (b'{"name": ,}', False, (1, 10)),
        (b'{"name": 1, "name": 2}', False, (1, 21)),  # the last, as decoders do
        (b'{"name": 1', False, (1, 10)),
        (b'{"\xff": 1, "name": 1}', False, (1, 1)),
        (b'{"\\x": 1, "name": 1}', False, (1, 1)),
        (b"[", False, (1, 1)),
        (b"", True, None),
        (b"{}", True, None),
        (b"<Patient><name/><", True, (1, 10)),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Patient/>', True, None),
        (b"\0", True, None),
    ],
)
def test_what_cannot_be_read_is_passed_over(text: bytes, is_xml: bool, place: tuple[int, int] | None) -> None:
    assert Positions(text, is_xml).of("Patient.name") == place


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ n1a_').map(str.encode), st.booleans())
def test_nothing_is_raised_whatever_is_sent(text: bytes, is_xml: bool) -> None:
    Positions(text, is_xml).all(["Patient.name[0].a", "Patient.a", "Patient.n.a[1]"])


def test_issues_get_their_places() -> None:
    placed = Issue("error", "value", "x", ("Patient.name",), ("line 9, column 9",))
    nowhere = Issue("error", "value", "x")
    two = Issue("error", "value", "x", ("Patient.name[0]", "Patient.deceased"))
    twice = Issue("error", "value", "x", ("Patient.deceasedBoolean", "Patient.deceased"))
    located = with_locations([placed, nowhere, two, twice], JSON, False)
    assert located[:2] == (placed, nowhere)
    assert located[2].location == ("line 6, column 14", "line 4, column 22")
    assert located[3].location == ("line 4, column 22",)
    assert with_locations([placed], b"no JSON", False) == (placed,)
    assert with_locations([two], b"", False) == (two,)


def test_issues_of_a_resource_inside_get_their_places() -> None:
    [issue] = with_locations(
        [Issue("error", "value", "x", ("Patient.name[0].text",))], BUNDLE, False, "Bundle.entry[1].resource"
    )
    assert (issue.expression, issue.location) == (("Patient.name[0].text",), ("line 2, column 47",))


# trees, written by hand

VALUES = st.sampled_from(["é", 'a"b', "\\", "{[", "x\ny", "", 1, True, 12.5])
KEYS = st.sampled_from(["a", "b", "odd name", "é", "x`y", 'q"', "\\", "bc", "B"])
TREES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
SPACE = st.sampled_from(["", "", " ", "\n", "\r\n", "\t ", "\n\n  "])


class Writer:
    """Writes JSON and remembers where each value starts."""

    def __init__(self, draw: Any) -> None:
        self.text = ""
        self.starts: dict[str, int] = {}  # path → characters before it
        self._draw = draw

    def space(self) -> None:
        self.text += self._draw(SPACE)

    def put(self, mark: str) -> None:
        self.space()
        self.text += mark

    def write(self, value: Any, path: str) -> None:
        self.space()
        self.starts[path] = len(self.text)
        if isinstance(value, dict):
            self._several("{}", [(f"{path}.{quoted(key)}", key, inner) for key, inner in value.items()])
        elif isinstance(value, list):
            self._several("[]", [(f"{path}[{i}]", None, inner) for i, inner in enumerate(value)])
        else:
            self.text += json.dumps(value, ensure_ascii=self._draw(st.booleans()))

    def _several(self, brackets: str, items: list[tuple[str, str | None, Any]]) -> None:
        self.text += brackets[0]
        for number, (path, key, inner) in enumerate(items):
            if number:
                self.put(",")
            if key is not None:
                self.put(json.dumps(key, ensure_ascii=self._draw(st.booleans())))
                self.put(":")
            self.write(inner, path)
        self.put(brackets[1])


def quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace("`", "\\`")
    return key if key.isidentifier() else f"`{escaped}`"


def counted(text: str, start: int) -> tuple[int, int]:
    before = text[:start].split("\n")
    return len(before), len(before[-1]) + 1


@settings(max_examples=300, deadline=None)
@given(st.data(), st.dictionaries(KEYS, TREES, max_size=5))
def test_every_value_is_found_where_it_starts(data: st.DataObject, tree: dict[str, Any]) -> None:
    writer = Writer(data.draw)
    writer.write(tree, "X")
    writer.space()
    found = Positions(writer.text.encode(), False).all(writer.starts)
    assert found == {path: counted(writer.text, start) for path, start in writer.starts.items()}


NAMES = st.sampled_from(["a", "b", "nameTwo", "bc"])
ELEMENTS: Any = st.recursive(st.just([]), lambda inner: st.lists(st.tuples(NAMES, inner), max_size=5), max_leaves=20)


@settings(max_examples=300, deadline=None)
@given(st.data(), ELEMENTS)
def test_every_element_is_found_where_its_tag_starts(data: st.DataObject, elements: Any) -> None:
    starts: dict[str, int] = {}
    text = ""

    def write(children: Any, path: str) -> None:
        nonlocal text
        counts: dict[str, int] = {}
        for name, inner in children:
            text += data.draw(SPACE) + data.draw(st.sampled_from(["", "<!-- <a> -->"]))
            index = counts[name] = counts.get(name, -1) + 1
            starts[f"{path}.{name}[{index}]"] = len(text)
            wrapped = data.draw(st.booleans())  # a resource: its element is inside the one that holds it
            value = quoteattr(data.draw(st.sampled_from(["é", "<", "\n"])))
            text += f"<{name} value={value}>" + ("<Patient>" if wrapped else "")
            write(inner, f"{path}.{name}[{index}]")
            text += ("</Patient>" if wrapped else "") + f"</{name}>"

    text = data.draw(SPACE)
    starts["X"] = len(text)
    text += '<X xmlns="http://hl7.org/fhir">'
    write(elements, "X")
    text += "</X>"
    found = Positions(text.encode(), True).all(starts)
    assert found == {path: counted(text, start) for path, start in starts.items()}


def test_a_resource_has_the_same_elements_in_both_formats() -> None:
    """Every element that FHIRPath finds in an example is found in its JSON and in its XML, at a place of its own."""
    tree = exact.decode(
        b'{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p","name":[{"given":["A","B"],'
        b'"_given":[null,{"id":"g"}]}]}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"},'
        b'"valueQuantity":{"value":1},"component":[{"code":{"text":"a"},"valueString":"b"}]}'
    )
    paths, waiting = [], [root(DEFINITIONS, tree)]
    while waiting:
        node = waiting.pop()
        paths.append(node.path)
        found: list[Any] = []
        add_children(node, found)
        waiting += found
    for text, is_xml in ((exact.encode(tree), False), (fhir_xml.encode(DEFINITIONS, tree), True)):
        places = Positions(text, is_xml).all(paths)
        attributes = {path for path in paths if path.endswith("given[1].id")}  # of its element, in XML
        assert len({places[path] for path in paths if path not in attributes}) == len(paths) - len(attributes)


def test_ten_times_the_text_takes_ten_times_as_long() -> None:
    """As a ratio, so that it is no matter how quick the machine is; quadratic work would take a hundred times."""

    def taken(number: int, expression: str = "Bundle.entry[%d].resource.name[0].family") -> float:
        entry = b'{"resource":{"resourceType":"Patient","name":[{"given":["A","B"],"family":"C"}]}}'
        text = b'{"entry":[' + b",".join([entry] * number) + b"]}"
        asked = [expression % (number * n // 500) for n in range(500)]
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            assert len(Positions(text, False).all(asked)) == 500
            best = min(best, time.process_time() - start)
        return best

    assert taken(20_000) < 40 * taken(2_000)


def test_depth_is_no_matter() -> None:
    """As deep as a resource may be it is exact, and what is deeper harms nobody."""
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    assert Positions(deep, False).of("X" + ".a" * LEVELS) == (1, 5 * LEVELS + 1)
    assert Positions(deep, False).of("X" + ".a" * 20_000) == (1, 5 * LEVELS + 1)
    assert Positions(b"[" * 100_000, False).of("X.a") == (1, 1)
    assert Positions(b'{"a":' + b'["' * 200_000, False).of("X.a") == (1, 6)
