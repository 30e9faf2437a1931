"""JSON Patch: the official cases, what each operation refuses, and that numbers and the original stay as they are."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact
from resources.outcome import BadRequest, FhirError, TooLarge, Unprocessable
from resources.patch import json_patch
from resources.patch.json_patch import equal
from resources.patch.limits import copied

from ....suites import DATA
from ..test_exact import exactly, values

CASES = DATA / "patch/json-patch-tests.json"


@pytest.mark.suite("patch")
def test_pa_5_the_official_cases() -> None:
    cases = exact.decode_any(CASES.read_bytes())
    assert len(cases) == 16
    for case in cases:
        if "error" in case:
            with pytest.raises(FhirError) as caught:
                json_patch.apply(case["doc"], case["patch"])
            assert caught.value.status in (400, 422), case["comment"]
        else:
            assert json_patch.apply(case["doc"], case["patch"]) == case["expected"], case["comment"]


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "birthDate": "1970-01-01",
    "_birthDate": {"extension": [{"url": "http://example.org/x", "valueDecimal": Decimal("1.50")}]},
    "name": [{"given": ["Anna", "B."]}, {"family": "Weber"}],
    "a/b": {"m~n": 1},
    "": 0,
}

DONE = [  # operations, pointer, what is there then
    ([{"op": "add", "path": "/active", "value": True}], ("active",), True),
    ([{"op": "add", "path": "/name/0", "value": {"text": "x"}}], ("name", 0), {"text": "x"}),
    ([{"op": "add", "path": "/name/2", "value": {"text": "x"}}], ("name", 2), {"text": "x"}),
    ([{"op": "add", "path": "/name/-", "value": {"text": "x"}}], ("name", 2), {"text": "x"}),
    ([{"op": "add", "path": "/birthDate", "value": "1971"}], ("birthDate",), "1971"),
    ([{"op": "add", "path": "/active", "value": None}], ("active",), None),
    ([{"op": "replace", "path": "/name/0/given/1", "value": "C."}], ("name", 0, "given"), ["Anna", "C."]),
    ([{"op": "remove", "path": "/name/0"}], ("name",), [{"family": "Weber"}]),
    ([{"op": "move", "from": "/name/0", "path": "/name/1"}], ("name", 0), {"family": "Weber"}),
    ([{"op": "move", "from": "/name/0", "path": "/name/-"}], ("name", 0), {"family": "Weber"}),
    ([{"op": "move", "from": "/name/0", "path": "/name/0"}], ("name",), PATIENT["name"]),
    ([{"op": "move", "from": "/name/1", "path": "/contact"}], ("contact",), {"family": "Weber"}),
    ([{"op": "copy", "from": "/name/0", "path": "/name/-"}], ("name", 2), {"given": ["Anna", "B."]}),
    ([{"op": "copy", "from": "/name", "path": "/name/0/x"}], ("name", 0, "x"), PATIENT["name"]),
    ([{"op": "remove", "path": "/_birthDate/extension/0/url"}], ("_birthDate", "extension", 0, "valueDecimal"),
     Decimal("1.50")),
    ([{"op": "replace", "path": "/a~1b/m~0n", "value": 2}], ("a/b", "m~n"), 2),
    ([{"op": "replace", "path": "/", "value": 2}], ("",), 2),
    ([{"op": "test", "path": "", "value": PATIENT}], ("id",), "p"),
    ([{"op": "replace", "path": "", "value": {"a": 1}}], ("a",), 1),
    ([{"op": "add", "path": "/a", "value": {}}, {"op": "copy", "from": "/a", "path": "/b"},
      {"op": "add", "path": "/a/x", "value": 1}], ("b",), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operations", "path", "expected"), DONE, ids=lambda value: json.dumps(value, default=str)[:60]
)
def test_pa_5_done(operations: list[Any], path: tuple[Any, ...], expected: Any) -> None:
    before, sent = exactly(PATIENT), exactly(operations)
    found = json_patch.apply(PATIENT, operations)
    for key in path:
        found = found[key]
    assert exactly(found) == exactly(expected)
    assert (exactly(PATIENT), exactly(operations)) == (before, sent)  # neither is changed in place


REFUSED = [  # operation, part of the diagnostics, expression
    ("text", "not an object", None),
    ({"path": "/id"}, "op that is missing", None),
    ({"op": 5, "path": "/id"}, "op that is no string", None),
    ({"op": ["add"], "path": "/id"}, "op that is no string", None),
    ({"op": "spam", "path": "/id"}, "'spam'", None),
    ({"op": "Add", "path": "/id", "value": 1}, "'Add'", None),
    ({"op": "remove"}, "no path", None),
    ({"op": "remove", "path": 5}, "path that is no string", None),
    ({"op": "remove", "path": ["id"]}, "path that is no string", None),
    ({"op": "remove", "path": "id"}, "'id' that is no JSON Pointer", None),
    ({"op": "remove", "path": "/~2"}, "no JSON Pointer", None),
    ({"op": "remove", "path": "/a~"}, "no JSON Pointer", None),
    ({"op": "add", "path": "/active"}, "no value", None),
    ({"op": "replace", "path": "/id"}, "no value", None),
    ({"op": "test", "path": "/id"}, "no value", None),
    ({"op": "move", "path": "/id"}, "no from", None),
    ({"op": "copy", "path": "/id", "from": None}, "from that is no string", None),
    ({"op": "remove", "path": ""}, "removes the whole resource", None),
    ({"op": "remove", "path": "/active"}, "does not exist: there is nothing at '/active'", "Patient.active"),
    ({"op": "remove", "path": "/name/2"}, "'/name/2' is out of range, the array has 2 items", "Patient.name[2]"),
    ({"op": "remove", "path": "/name/-"}, "names the end of an array", "Patient.name"),
    ({"op": "remove", "path": "/name/00"}, "no index", "Patient.name"),
    ({"op": "remove", "path": "/name/-1"}, "no index", "Patient.name"),
    ({"op": "remove", "path": "/name/+1"}, "no index", "Patient.name"),
    ({"op": "remove", "path": "/name/1e0"}, "no index", "Patient.name"),
    ({"op": "remove", "path": "/name/١"}, "no index", "Patient.name"),
    ({"op": "remove", "path": "/name/99999999999999999999"}, "no index", "Patient.name"),
    ({"op": "remove", "path": "/name/given"}, "no index", "Patient.name.given"),
    ({"op": "remove", "path": "/id/0"}, "below a value that has no members", "Patient.id[0]"),
    ({"op": "replace", "path": "/active", "value": 1}, "nothing at '/active'", "Patient.active"),
    ({"op": "replace", "path": "/name/-", "value": 1}, "the end of an array", "Patient.name"),
    ({"op": "replace", "path": "/name/2", "value": 1}, "out of range", "Patient.name[2]"),
    ({"op": "add", "path": "/name/3", "value": 1}, "out of range: the array has 2 items", "Patient.name[3]"),
    ({"op": "add", "path": "/name/01", "value": 1}, "'01', which is no index", "Patient.name"),
    ({"op": "add", "path": "/contact/name", "value": 1}, "nothing at '/contact'", "Patient.contact.name"),
    ({"op": "add", "path": "/id/x", "value": 1}, "below a value", "Patient.id.x"),
    ({"op": "move", "from": "/active", "path": "/x"}, "from that does not exist", "Patient.active"),
    ({"op": "move", "from": "/name", "path": "/name/0/x"}, "moves a value into itself", "Patient.name[0].x"),
    ({"op": "move", "from": "/name/0", "path": "/name/2"}, "out of range", "Patient.name[2]"),
    ({"op": "move", "from": "", "path": "/x"}, "into itself", "Patient.x"),
    ({"op": "copy", "from": "/name/5", "path": "/x"}, "out of range", "Patient.name[5]"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "said", "at"), REFUSED, ids=lambda value: str(value)[:60])
def test_pa_3_pa_5_refused(operation: Any, said: str, at: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        json_patch.apply(PATIENT, [{"op": "test", "path": "/id", "value": "p"}, operation])
    [issue] = caught.value.issues
    assert issue.diagnostics.startswith("Operation 1 of the patch")
    assert said in issue.diagnostics
    if isinstance(operation, dict) and isinstance(operation.get("path"), str):
        assert repr(operation["path"]) in issue.diagnostics
    assert issue.expression == ((at,) if at else ())


@pytest.mark.parametrize("patch", [{}, "text", None, 5])
def test_pa_3_a_patch_is_an_array(patch: Any) -> None:
    with pytest.raises(BadRequest):
        json_patch.apply(PATIENT, patch)


TESTS = [  # value there, value expected, equal
    (1, 1, True), (1, Decimal("1.0"), True), (Decimal("1.0"), Decimal("1.00"), True), (1, Decimal("1E0"), True),
    (True, 1, False), (1, True, False), (False, 0, False), (Decimal("1.0"), True, False), (True, True, True),
    (None, False, False), (None, 0, False), (None, None, True), ("1", 1, False), ("a", "a", True), ("a", "A", False),
    ([1], [1], True), ([1], [True], False), ([1, 2], [2, 1], False), ([1], [1, 1], False), ([], {}, False),
    ({"a": 1, "b": 2}, {"b": Decimal("2.0"), "a": 1}, True), ({"a": 1}, {"a": True}, False), ({"a": 1}, {}, False),
    (Decimal("0.1"), Decimal("0.10000000000000000000000000000000001"), False), (10**30, 10**30 + 1, False),
]  # fmt: skip


@pytest.mark.parametrize(("there", "expected", "same"), TESTS, ids=str)
def test_pa_4_pa_5_a_test_compares_json_values(there: Any, expected: Any, same: bool) -> None:
    document, operation = {"x": there}, {"op": "test", "path": "/x", "value": expected}
    if same:
        assert json_patch.apply(document, [operation]) == document
    else:
        with pytest.raises(Unprocessable):
            json_patch.apply(document, [operation])


@given(values, values)
def test_json_values_are_equal_as_they_are_written(one: Any, other: Any) -> None:
    assert equal(one, copied(one))
    if exact.canonical(one) == exact.canonical(other):
        assert equal(one, other)
    assert equal(one, other) == equal(other, one)


@pytest.mark.parametrize("path", ["/active", "/name/7", "/id/x"])
def test_pa_4_a_test_of_what_is_not_there_fails(path: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        json_patch.apply(PATIENT, [{"op": "test", "path": path, "value": None}])
    assert repr(path) in caught.value.issues[0].diagnostics


def test_pa_2_all_operations_or_none() -> None:
    before = exactly(PATIENT)
    with pytest.raises(BadRequest):
        json_patch.apply(PATIENT, [{"op": "remove", "path": "/name/0/given/0"}, {"op": "remove", "path": "/x"}])
    assert exactly(PATIENT) == before


@pytest.mark.parametrize("path", ["/a" * 1_000_000, "/name" + "/0" * 100, "/" + "a" * 1_000_000])
def test_long_pointers_are_not_said_back(path: str) -> None:
    with pytest.raises(BadRequest) as refused:
        json_patch.apply({"resourceType": "Patient"}, [{"op": "remove", "path": path}])
    assert len(str(refused.value)) + len("".join(refused.value.issues[0].expression)) < 1_000


def test_too_many_operations() -> None:
    test = {"op": "test", "path": "/id", "value": "p"}
    json_patch.apply(PATIENT, [test] * 10_000)
    with pytest.raises(TooLarge):
        json_patch.apply(PATIENT, [test] * 10_001)


def test_copies_of_copies_end_early() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/x{n}"} for n in range(60)]
    with pytest.raises((TooLarge, BadRequest)):
        json_patch.apply({"a": "x" * 100}, doubling)
    wide = [{"op": "copy", "from": "/x", "path": "/x/-"} for _ in range(40)]
    with pytest.raises((TooLarge, BadRequest)):
        json_patch.apply({"x": ["y" * 10_000]}, wide)
    long = [{"op": "copy", "from": "/x", "path": f"/y{n}"} for n in range(9_000)]
    with pytest.raises(TooLarge) as caught:
        json_patch.apply({"x": "y" * 100_000}, long)
    assert caught.value.status == 413


def test_a_result_that_is_too_deep_is_refused_at_once() -> None:
    nested = [{"op": "copy", "from": "/a", "path": "/a" * (n + 2)} for n in range(100)]
    with pytest.raises(BadRequest, match="64 levels"):
        json_patch.apply({"a": {"b": 1}}, nested)


def test_values_keep_their_digits() -> None:
    tree = exact.decode(b'{"a":1.50,"b":[0.10]}')
    operations = exact.decode_any(b'[{"op":"add","path":"/c","value":2.500},{"op":"move","from":"/a","path":"/b/-"}]')
    assert exact.encode(json_patch.apply(tree, operations)) == b'{"b":[0.10,1.50],"c":2.500}'


pointers = st.lists(st.sampled_from(["", "a", "b", "0", "1", "-", "~0", "~1", "id"]), max_size=4).map(
    lambda parts: "".join("/" + part for part in parts)
)
operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": pointers},
        optional={"from": pointers, "value": values},
    ),
    max_size=6,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "0", "", "id"]), values, max_size=4), operations)
def test_anything_is_done_or_refused(tree: dict[str, Any], patch: list[Any]) -> None:
    before, sent = exactly(tree), exactly(patch)
    try:
        json_patch.apply(tree, patch)
    except FhirError as error:
        assert error.status in (400, 413, 422)  # noqa: PT017
    assert (exactly(tree), exactly(patch)) == (before, sent)
