"""FHIRPath Patch: the official cases, each operation with what it refuses, and that the original stays as it is."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import fhir_xml
from resources.definitions import load
from resources.outcome import BadRequest, FhirError, TooCostly, TooLarge
from resources.patch import apply, diff, limits
from resources.patch.fhirpath_patch import apply as patched

from ....suites import DATA
from ..test_exact import exactly, values
from .made import operation, part, patch

Json = dict[str, Any]
CASES = DATA / "patch/fhir-patch-tests.xml"


def cases() -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Name, mode, and the three resources of each official case."""
    for case in ElementTree.parse(CASES).getroot():
        parts = {name: case.find(name) for name in ("input", "diff", "output")}
        trees = {name: fhir_xml.decode(load(), ElementTree.tostring(one[0])) for name, one in parts.items() if one}
        yield case.get("name", ""), case.get("mode", ""), trees


@pytest.mark.suite("patch")
def test_pa_6_the_official_cases() -> None:
    seen = 0
    for name, mode, trees in cases():
        assert apply("fhirpath", load(), trees["input"], trees["diff"]) == trees["output"], name
        if mode == "both":
            assert diff(load(), trees["input"], trees["output"]) == trees["diff"], name
        seen += 1
    assert seen == 17


EXTENSION = {"extension": [{"url": "http://example.org/x", "valueCode": "a"}]}
PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p",
    "birthDate": "1970-01-01",
    "deceasedBoolean": True,
    "name": [{"family": "Weber", "given": ["Anna", None, "B."], "_given": [None, EXTENSION, None]}, {"text": "A. W."}],
    "contact": [{"name": {"text": "Eva"}, "gender": "female"}],
    "telecom": [{"value": "1"}, {"value": "2"}, {"value": "3"}],
}
DAY = {"valueDate": "1971-02-03"}


def changed(**members: Any) -> Json:
    """The patient with other members; None leaves one out."""
    return {name: value for name, value in {**PATIENT, **members}.items() if value is not None}


def given_names(given: list[Any] | None, beside: list[Any] | None) -> Json:
    name = {"family": "Weber", "given": given, "_given": beside}
    return changed(name=[{key: value for key, value in name.items() if value is not None}, {"text": "A. W."}])


def values_of(*numbers: int) -> Json:
    return changed(telecom=[{"value": str(n)} for n in numbers])


DONE: dict[str, tuple[list[Json], Json]] = {
    "add to a list": (
        [operation("add", "Patient", name="telecom", value={"valueContactPoint": {"value": "4"}})],
        values_of(1, 2, 3, 4),
    ),
    "add the first of a list": (
        [operation("add", "Patient.contact[0]", name="telecom", value={"valueContactPoint": {"value": "4"}})],
        changed(contact=[{**PATIENT["contact"][0], "telecom": [{"value": "4"}]}]),
    ),
    "add to a list of primitives": (
        [operation("add", "Patient.name[0]", name="given", value={"valueString": "C."})],
        given_names(["Anna", None, "B.", "C."], [None, EXTENSION, None, None]),
    ),
    "add a primitive of extensions only": (
        [operation("add", "Patient", name="gender", value={"_valueCode": EXTENSION})],
        changed(_gender=EXTENSION),
    ),
    "add an extension to a primitive": (
        [
            operation(
                "add",
                "Patient.birthDate",
                name="extension",
                value={"part": [part("url", valueUri="u"), part("value", **DAY)]},
            )
        ],
        changed(_birthDate={"extension": [{"url": "u", "valueDate": "1971-02-03"}]}),
    ),
    "add an id to an item of a primitive list": (
        [operation("add", "Patient.name[0].given[0]", name="id", value={"valueString": "a"})],
        given_names(["Anna", None, "B."], [{"id": "a"}, EXTENSION, None]),
    ),
    "add a choice by its name alone": (
        [operation("add", "Patient", name="multipleBirth", value={"valueInteger": 2})],
        changed(multipleBirthInteger=2),
    ),
    "add a choice by its JSON name": (
        [operation("add", "Patient", name="multipleBirthBoolean", value={"valueBoolean": False})],
        changed(multipleBirthBoolean=False),
    ),
    "add below what a condition selects": (
        [operation("add", "Patient.name.where(family = 'Weber')", name="use", value={"valueCode": "official"})],
        changed(name=[{**PATIENT["name"][0], "use": "official"}, PATIENT["name"][1]]),
    ),
    "insert at the beginning": (
        [operation("insert", "Patient.telecom", index=0, value={"valueContactPoint": {"value": "0"}})],
        values_of(0, 1, 2, 3),
    ),
    "insert at the end": (
        [operation("insert", "Patient.telecom", index=3, value={"valueContactPoint": {"value": "4"}})],
        values_of(1, 2, 3, 4),
    ),
    "insert into a list that is not there": (
        [operation("insert", "Patient.contact[0].telecom", index=0, value={"valueContactPoint": {"value": "4"}})],
        changed(contact=[{**PATIENT["contact"][0], "telecom": [{"value": "4"}]}]),
    ),
    "insert into a list of primitives": (
        [operation("insert", "Patient.name[0].given", index=1, value={"valueString": "C."})],
        given_names(["Anna", "C.", None, "B."], [None, None, EXTENSION, None]),
    ),
    "delete a primitive with its extensions": (
        [
            operation("add", "Patient", name="gender", value={"valueCode": "male", "_valueCode": EXTENSION}),
            operation("delete", "Patient.gender"),
        ],
        PATIENT,
    ),
    "delete what is not there": ([operation("delete", "Patient.gender")], PATIENT),
    "delete below what is not there": ([operation("delete", "Patient.photo[3].url")], PATIENT),
    "delete an item": ([operation("delete", "Patient.telecom[1]")], values_of(1, 3)),
    "delete an item of a primitive list": (
        [operation("delete", "Patient.name[0].given[0]")],
        given_names([None, "B."], [EXTENSION, None]),
    ),
    "delete the item that has extensions": (
        [operation("delete", "Patient.name[0].given[1]")],
        given_names(["Anna", "B."], None),
    ),
    "delete the last item": ([operation("delete", "Patient.contact[0]")], changed(contact=None)),
    "delete what leaves an empty object": (
        [operation("delete", "Patient.contact.gender"), operation("delete", "Patient.contact.name.text")],
        changed(contact=None),
    ),
    "delete what a condition selects": (
        [operation("delete", "Patient.telecom.where(value = '2')")],
        values_of(1, 3),
    ),
    "replace a primitive": ([operation("replace", "Patient.birthDate", value=DAY)], changed(birthDate="1971-02-03")),
    "replace an item of a primitive list": (
        [operation("replace", "Patient.name[0].given[1]", value={"valueString": "C."})],
        given_names(["Anna", "C.", "B."], None),
    ),
    "replace by another type": (
        [operation("replace", "Patient.deceased", value={"valueDateTime": "2020"})],
        changed(deceasedBoolean=None, deceasedDateTime="2020"),
    ),
    "replace by the type that a name says": (
        [operation("replace", "Patient.deceased", name="deceasedDateTime", value={"valueString": "2020"})],
        changed(deceasedBoolean=None, deceasedDateTime="2020"),
    ),
    "replace an anonymous element": (
        [operation("replace", "Patient.contact[0]", value={"part": [part("gender", valueCode="male")]})],
        changed(contact=[{"gender": "male"}]),
    ),
    "move forwards": ([operation("move", "Patient.telecom", source=0, destination=2)], values_of(2, 3, 1)),
    "move backwards": ([operation("move", "Patient.telecom", source=2, destination=0)], values_of(3, 1, 2)),
    "move nowhere": ([operation("move", "Patient.contact", source=0, destination=0)], PATIENT),
    "move in a list of primitives": (
        [operation("move", "Patient.name[0].given", source=1, destination=0)],
        given_names([None, "Anna", "B."], [EXTENSION, None, None]),
    ),
    "one after the other": (
        [
            operation("add", "Patient", name="photo", value={"valueAttachment": {"title": "x"}}),
            operation("add", "Patient.photo[0]", name="size", value={"valueUnsignedInt": 5}),
            operation("replace", "Patient.photo[0].title", value={"valueString": "y"}),
        ],
        changed(photo=[{"title": "y", "size": 5}]),
    ),
    "exactly": (
        [operation("add", "Patient", name="extension", value={"part": [part("value", valueDecimal=Decimal("1.500"))]})],
        changed(extension=[{"valueDecimal": Decimal("1.500")}]),
    ),
    "nothing": ([], PATIENT),
    "what an answer of $diff says of itself": ([{"name": "from", "valueReference": {"reference": "x"}}], PATIENT),
}


@pytest.mark.parametrize(("operations", "expected"), DONE.values(), ids=DONE)
def test_pa_6_done(operations: list[Json], expected: Json) -> None:
    before, sent = exactly(PATIENT), exactly(operations)
    assert exactly(sorted_(patched(load(), PATIENT, patch(*operations)))) == exactly(sorted_(expected))
    assert (exactly(PATIENT), exactly(operations)) == (before, sent)  # neither is changed in place


def sorted_(value: Any) -> Any:
    """The value with the members of every object in the order of their names."""
    if isinstance(value, dict):
        return {name: sorted_(value[name]) for name in sorted(value)}
    return [sorted_(one) for one in value] if isinstance(value, list) else value


POINT = {"valueContactPoint": {"value": "4"}}
REFUSED: list[tuple[Any, str]] = [  # the second parameter, part of the diagnostics
    ("text", "'operation'"),
    ({"name": "op", "part": []}, "'operation'"),
    ({"name": "operation"}, "type is missing"),
    ({"name": "operation", "part": "x"}, "type is missing"),
    ({"name": "operation", "part": ["x"]}, "no name"),
    ({"name": "operation", "part": [{"name": "typ", "valueCode": "add"}]}, "'typ'"),
    ({"name": "operation", "part": [{"name": "type"}]}, "type has no value[x]"),
    ({"name": "operation", "part": [{"name": "type", "valueCode": "add", "valueString": "add"}]}, "several values"),
    ({"name": "operation", "part": [{"name": "type", "valueCode": "add"}] * 2}, "type is given twice"),
    ({"name": "operation", "part": [{"name": "type", "valueCode": 5}]}, "type is no text"),
    ({"name": "operation", "part": [{"name": "type", "valueCode": ["add"]}]}, "type is no text"),
    ({"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]}, "path, which is missing"),
    (operation("upsert", "Patient"), "'upsert'"),
    (operation("delete", 5), "path is no text"),  # type: ignore[arg-type]
    (operation("delete", ""), "path is no text"),
    (operation("delete", "Patient.name["), "FHIRPath"),
    (operation("delete", "Patient"), "the resource itself"),
    (operation("delete", "Patient.telecom"), "selects 3 elements"),
    (operation("delete", "Patient.foo"), "'foo' is not an element"),
    (operation("delete", "Patient.gender", index=0), "takes no index"),
    (operation("add", "Patient", value=POINT), "needs name"),
    (operation("add", "Patient", name="telecom"), "needs value"),
    (operation("add", "Patient", name=5, value=POINT), "name is no text"),
    (operation("add", "Patient", name="foo", value=POINT), "'foo' is not an element of Patient"),
    (operation("add", "Patient", name="birthDate", value=DAY), "there already"),
    (operation("add", "Patient", name="deceased", value={"valueDateTime": "2020"}), "there already"),
    (operation("add", "Patient", name="telecom", value={"valueHumanName": {}}), "of type ContactPoint"),
    (operation("add", "Patient.gender", name="id", value={"valueString": "x"}), "no elements"),
    (operation("add", "Patient.telecom", name="rank", value={"valueInteger": 1}), "3 elements"),
    (operation("add", "Patient.birthDate", name="value", value=DAY), "'value' is not an element of date"),
    (operation("insert", "Patient.telecom", value=POINT), "needs index"),
    (operation("insert", "Patient.telecom", index="0", value=POINT), "no whole number"),
    (operation("insert", "Patient.telecom", index=-1, value=POINT), "from 0 to 3"),
    (operation("insert", "Patient.telecom", index=4, value=POINT), "from 0 to 3"),
    (operation("insert", "Patient.telecom", index=True, value=POINT), "no whole number"),
    (operation("insert", "Patient.telecom[0]", index=0, value=POINT), "not the whole"),
    (operation("insert", "Patient.birthDate", index=0, value=DAY), "does not repeat"),
    (operation("insert", "Patient.gender", index=0, value=DAY), "does not repeat"),
    (operation("insert", "Patient.contact[0].telecom", index=1, value=POINT), "from 0 to 0"),
    (operation("replace", "Patient.gender", value={"valueCode": "male"}), "no elements"),
    (operation("replace", "Patient.telecom", value=POINT), "3 elements"),
    (operation("replace", "Patient", value={"resource": {}}), "the resource itself"),
    (operation("replace", "Patient.birthDate", value={"valueInteger": 1}), "of type date"),
    (operation("replace", "Patient.deceased", name="gender", value={"valueCode": "male"}), "name names"),
    (operation("replace", "Patient.birthDate"), "needs value"),
    (operation("move", "Patient.telecom", source=0), "needs destination"),
    (operation("move", "Patient.telecom", source=3, destination=0), "from 0 to 2"),
    (operation("move", "Patient.telecom", source=0, destination=3), "from 0 to 2"),
    (operation("move", "Patient.photo", source=0, destination=0), "selects nothing"),
    (operation("move", "Patient.birthDate", source=0, destination=0), "does not repeat"),
    (operation("move", "Patient.name.given | Patient.telecom", source=0, destination=0), "several lists"),
]


@pytest.mark.parametrize(("second", "said"), REFUSED, ids=lambda value: str(value)[:80])
def test_pa_3_pa_6_refused(second: Any, said: str) -> None:
    before = exactly(PATIENT)
    with pytest.raises(BadRequest) as caught:
        patched(load(), PATIENT, patch(operation("delete", "Patient.contact[0].gender"), second))
    [issue] = caught.value.issues
    assert caught.value.status == 400
    assert said in issue.diagnostics
    assert issue.diagnostics.startswith("Operation 1 of the patch")
    assert issue.expression == ("Parameters.parameter[1]",)
    assert exactly(PATIENT) == before


def test_pa_3_the_path_is_named() -> None:
    with pytest.raises(BadRequest, match=r"\(replace, 'Patient\.gender'\)"):
        patched(load(), PATIENT, patch(operation("replace", "Patient.gender", value={"valueCode": "male"})))


@pytest.mark.parametrize("parameter", [{}, "text", 5])
def test_pa_3_parameters_are_a_list(parameter: Any) -> None:
    with pytest.raises(BadRequest):
        patched(load(), PATIENT, {"resourceType": "Parameters", "parameter": parameter})


def test_pa_6_only_contained_resources_are_reached() -> None:
    tree = {**PATIENT, "contained": [{"resourceType": "Organization", "id": "o"}],
            "managingOrganization": {"reference": "#o"}}  # fmt: skip
    name = operation("add", "Patient.managingOrganization.resolve()", name="name", value={"valueString": "O"})
    assert patched(load(), tree, patch(name))["contained"] == [{"resourceType": "Organization", "id": "o", "name": "O"}]
    with pytest.raises(BadRequest, match="no elements"):
        patched(load(), {**tree, "managingOrganization": {"reference": "Organization/o"}}, patch(name))


def test_too_many_operations() -> None:
    nothing = operation("delete", "Patient.gender")
    patched(load(), PATIENT, patch(*[nothing] * 10_000))
    with pytest.raises(TooLarge):
        patched(load(), PATIENT, patch(*[nothing] * 10_001))


def test_a_patch_that_takes_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.2)
    costly = operation("delete", "Patient.photo.where((1 | 2).repeat(iif($this > 3000, {}, $this + 2)).count() = 5)")
    tree = {**PATIENT, "photo": [{"title": "x"}]}
    start = time.thread_time()
    with pytest.raises(TooCostly):
        patched(load(), tree, patch(*[costly] * 10_000))
    assert time.thread_time() - start < 2


def test_ten_thousand_operations_on_a_long_list_take_no_time() -> None:
    tree = {"resourceType": "Patient", "telecom": [{"value": str(n)} for n in range(20_000)]}
    steps = [operation("delete", f"Patient.telecom[{n}].value") for n in range(9_999, -1, -2)]
    steps += [operation("move", "Patient.telecom", source=0, destination=n) for n in range(5_000)]
    assert len(patched(load(), tree, patch(*steps))["telecom"]) == 15_000


def test_a_result_that_is_too_deep_is_refused_at_once() -> None:
    path, steps = "Questionnaire", []
    for n in range(100):
        steps.append(operation("add", path, name="item", value={"part": [part("linkId", valueString=str(n))]}))
        path += ".item[0]"
    with pytest.raises(BadRequest, match="64 levels"):
        patched(load(), {"resourceType": "Questionnaire"}, patch(*steps))


paths = st.sampled_from([
    "Patient", "Patient.name", "Patient.name[0]", "Patient.name[0].given", "Patient.name[0].given[1]", "Patient.contact",
    "Patient.deceased", "Patient.birthDate", "Patient.telecom", "Patient.telecom[1]", "Patient.photo", "Patient.id",
    "Patient.name.given", "Patient.contact.name", "Patient.name.where(true)", "Patient.descendants()", "Patient.children()",
])  # fmt: skip
given_values = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"valueString": values, "_valueString": values, "valueHumanName": values, "part": values}
    ),
    st.sampled_from([{"valueString": "x"}, {"valueContactPoint": {"value": 1}}, DAY, {"valueHumanName": {"given": 5}}]),
)
operations = st.builds(
    operation,
    st.sampled_from(["add", "insert", "delete", "replace", "move"]),
    paths,
    name=st.sampled_from(["name", "given", "deceased", "telecom", "photo", "birthDate", "extension"]),
    value=given_values,
    index=st.integers(-1, 3),
    source=st.integers(-1, 3),
    destination=st.integers(-1, 3),
)
TAKEN = {
    "add": ("name", "value"),
    "insert": ("index", "value"),
    "delete": (),
    "replace": ("value",),
    "move": ("source", "destination"),
}


@given(st.lists(operations, max_size=6))
def test_anything_is_done_or_refused(operations: list[Json]) -> None:
    for one in operations:
        act = one["part"][0]["valueCode"]
        one["part"] = [each for each in one["part"] if each["name"] in ("type", "path", *TAKEN[act])]
    before, sent = exactly(PATIENT), exactly(operations)
    try:
        patched(load(), PATIENT, patch(*operations))
    except FhirError as error:
        assert error.status in (400, 413)  # noqa: PT017
    assert (exactly(PATIENT), exactly(operations)) == (before, sent)
