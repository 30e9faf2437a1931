"""Parameters: read as their OperationDefinition says, whatever way they are sent, and answered in its form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact
from resources.definitions import load
from resources.operation import OperationDefinition, Parameters, Reader, Value, answer, defined
from resources.outcome import Invalid
from resources.validation.validator import Validator

DEFINED = load()
VALIDATOR = Validator(DEFINED)
OFFICIAL = {tree["id"]: defined(tree) for tree in DEFINED.operations}


def parameter(name: str, kind: str = "", low: int = 0, high: str = "1", use: str = "in", **more: Any) -> dict[str, Any]:
    return {"name": name, "use": use, "min": low, "max": high, **({"type": kind} if kind else {}), **more}


def made(*parameters: dict[str, Any]) -> OperationDefinition:
    return defined(
        {"url": "", "code": "test", "system": True, "type": True, "instance": True, "parameter": list(parameters)}
    )


EVERY = made(
    parameter("code", "code", 0, "*"),
    parameter("many", "string", 0, "*"),
    parameter("flag", "boolean"),
    parameter("whole", "integer"),
    parameter("amount", "decimal"),
    parameter("at", "instant"),
    parameter("subject", "string", searchType="reference"),
    parameter("coding", "Coding"),
    parameter("patient", "Patient"),
    parameter("open", "Element"),
    parameter(
        "step", high="2", part=[parameter("uri", "uri", 1), parameter("inner", part=[parameter("flag", "boolean", 1)])]
    ),
)


def read(
    operation: OperationDefinition, query: str = "", entries: list[dict[str, Any]] | None = None, *, open: bool = False
) -> Reader:
    reader = Reader(operation, DEFINED, VALIDATOR, open=open)
    reader.pairs(parse_qsl(query, keep_blank_values=True))
    if entries is not None:
        tree = {"resourceType": "Parameters", "parameter": entries} if entries else {"resourceType": "Parameters"}
        reader.resource(exact.decode(exact.encode(tree)))
    return reader


def refused(
    operation: OperationDefinition, query: str = "", entries: list[dict[str, Any]] | None = None
) -> list[tuple[str, str, tuple[str, ...]]]:
    with pytest.raises(Invalid) as error:
        read(operation, query, entries).result()
    return [(issue.code, issue.diagnostics, issue.expression) for issue in error.value.issues]


@pytest.mark.parametrize(
    ("query", "name", "values"),
    [
        ("code=a,b&code=c", "code", ["a", "b", "c"]),
        ("many=a,b&many=c", "many", ["a,b", "c"]),
        ("flag=true", "flag", [True]),
        ("whole=-12", "whole", [-12]),
        ("amount=1.00", "amount", [Decimal("1.00")]),
        ("amount=7", "amount", [7]),
        ("at=2026-03-01T10:00:00+01:00", "at", ["2026-03-01T10:00:00+01:00"]),
        ("subject=Patient/1,Patient/2", "subject", ["Patient/1,Patient/2"]),
    ],
)
def test_a_query_gives_plain_values(query: str, name: str, values: list[Any]) -> None:
    found = read(EVERY, query).result().all(name)
    assert [(type(one), str(one)) for one in found] == [(type(one), str(one)) for one in values]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("flag=1", "value"),
        ("whole=1.5", "value"),
        ("whole=9999999999", "value"),
        ("amount=1e9999999", "value"),
        ("amount=NaN", "value"),
        ("at=2026-03-01", "value"),
        ("code=", "value"),
        ("flag=true&flag=false", "structure"),
        ("coding=http://a|b", "not-supported"),
        ("patient=1", "not-supported"),
        ("step=1", "not-supported"),
    ],
)
def test_a_bad_query_is_refused_by_name(query: str, code: str) -> None:
    [(found, text, _)] = refused(EVERY, query)
    assert (found, text.split()[0]) == (code, query.partition("=")[0])


def test_an_unknown_parameter_names_those_there_are() -> None:
    [(code, text, _)] = refused(made(parameter("from", "string"), parameter("to", "string")), "form=1")
    assert code == "not-supported"
    assert "'form'" in text
    assert "from, to" in text


def test_every_issue_is_told_at_once() -> None:
    codes = [code for code, _, _ in refused(made(parameter("a", "code", 1), parameter("b", "boolean")), "b=x&c=1")]
    assert sorted(codes) == ["not-supported", "required", "value"]


def test_a_body_gives_values_as_they_are() -> None:
    entries: list[dict[str, Any]] = [
        {"name": "code", "valueCode": "a"},
        {"name": "code", "valueString": "b"},
        {"name": "amount", "valueDecimal": Decimal("1.00")},
        {"name": "coding", "valueCoding": {"code": "x"}},
        {"name": "patient", "resource": {"resourceType": "Patient", "active": True}},
        {"name": "open", "valueQuantity": {"value": Decimal("2.50")}},
        {
            "name": "step",
            "part": [
                {"name": "uri", "valueUri": "urn:x"},
                {"name": "inner", "part": [{"name": "flag", "valueBoolean": False}]},
            ],
        },
    ]
    found = read(EVERY, "whole=3", entries).result()
    assert found.all("code") == ["a", "b"]
    assert str(found.one("amount")) == "1.00"
    assert found.one("coding") == {"code": "x"}
    assert found.one("patient") == {"resourceType": "Patient", "active": True}
    assert [(one.type, str(one.value["value"])) for one in found.values if one.name == "open"] == [("Quantity", "2.50")]
    assert found.one("step").one("uri") == "urn:x"
    assert found.one("step").one("inner").one("flag") is False
    assert [found.has("whole"), found.has("flag"), found.one("flag", 7)] == [True, False, 7]


@pytest.mark.parametrize(
    ("entry", "code", "expression"),
    [
        ({"name": "flag", "valueString": "true"}, "structure", "Parameters.parameter[0].value"),
        ({"name": "code", "valueString": " a"}, "value", "Parameters.parameter[0].value"),
        ({"name": "code", "valueCoding": {"code": "a"}}, "structure", "Parameters.parameter[0].value"),
        ({"name": "coding", "valueString": "a"}, "structure", "Parameters.parameter[0].value"),
        ({"name": "coding", "valueCoding": {"cod": "a"}}, "structure", "Parameters.parameter[0].value.cod"),
        (
            {"name": "coding", "valueReference": {"reference": "Patient/1"}},
            "structure",
            "Parameters.parameter[0].value",
        ),
        ({"name": "coding"}, "structure", "Parameters.parameter[0]"),
        ({"name": "patient", "valueString": "1"}, "structure", "Parameters.parameter[0].value"),
        ({"name": "patient", "resource": {"resourceType": "Group"}}, "structure", "Parameters.parameter[0].resource"),
        ({"name": "patient", "resource": {"active": True}}, "structure", "Parameters.parameter[0].resource"),
        (
            {"name": "patient", "resource": {"resourceType": "Patient", "active": "yes"}},
            "structure",
            "Parameters.parameter[0].resource.active",
        ),
        ({"name": "coding", "resource": {"resourceType": "Patient"}}, "structure", "Parameters.parameter[0]"),
        ({"name": "else", "valueString": "1"}, "not-supported", "Parameters.parameter[0]"),
        ({"name": "step", "valueString": "1"}, "structure", "Parameters.parameter[0]"),
        (
            {"name": "step", "part": [{"name": "uri", "valueUri": "a"}, {"name": "no", "valueUri": "a"}]},
            "not-supported",
            "Parameters.parameter[0].part[1]",
        ),
        (
            {"name": "step", "part": [{"name": "inner", "part": [{"name": "flag", "valueBoolean": True}]}]},
            "required",
            "Parameters.parameter[0]",
        ),
    ],
)
def test_a_bad_body_is_refused_at_its_place(entry: dict[str, Any], code: str, expression: str) -> None:
    assert (code, (expression,)) in [(code, place) for code, _, place in refused(EVERY, "", [entry])]


def test_query_and_body_count_together() -> None:
    [(code, _, _)] = refused(EVERY, "flag=true", [{"name": "flag", "valueBoolean": True}])
    assert code == "structure"


def test_a_maximum_greater_than_one_is_kept() -> None:
    step = {"name": "step", "part": [{"name": "uri", "valueUri": "a"}]}
    assert len(read(EVERY, "", [step] * 2).result().all("step")) == 2
    assert refused(EVERY, "", [step] * 3)[0][0] == "structure"


def test_the_resource_of_the_only_parameter_that_is_one_may_stand_alone() -> None:
    reader = read(OFFICIAL["Resource-validate"], "mode=create")
    reader.resource({"resourceType": "Observation", "nonsense": 1})  # any resource: $validate itself judges it
    found = reader.result()
    assert found.one("mode") == "create"
    assert found.one("resource") == {"resourceType": "Observation", "nonsense": 1}
    typed = read(OFFICIAL["ValueSet-expand"])
    typed.resource({"resourceType": "ValueSet", "status": "nonsense"})
    with pytest.raises(Invalid):
        typed.result()


@pytest.mark.parametrize("stated", ["Patient", "Nonsense", None, 7])
def test_another_resource_alone_is_refused(stated: Any) -> None:
    def sent(name: str) -> None:
        reader = read(OFFICIAL[name])
        reader.resource({"resourceType": stated} if stated else {"status": "draft"})
        reader.result()

    for name in ("ValueSet-expand", "Resource-meta"):
        with pytest.raises(Invalid):
            sent(name)


def test_what_an_open_operation_does_not_know_is_left() -> None:
    reader = read(
        OFFICIAL["Observation-lastn"],
        "max=2&code:in=http://v&patient=1",
        [{"name": "status", "valueCode": "final"}, {"name": "value-quantity", "valueDecimal": Decimal("1.50")}],
        open=True,
    )
    assert reader.result() == Parameters((Value("max", 2, "positiveInt"),))
    assert reader.left == [("code:in", "http://v"), ("patient", "1"), ("status", "final"), ("value-quantity", "1.50")]


def test_hostile_numbers_of_parameters_are_refused() -> None:
    with pytest.raises(Invalid):
        read(EVERY, "", [{"name": "code", "valueCode": "a"}] * 10_001)
    assert len(refused(EVERY, "&".join(f"x{n}=1" for n in range(500)))) == 100


@given(
    st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), max_size=4),
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=3),
)
def test_a_query_and_a_body_say_the_same(
    codes: list[str], flag: bool | None, whole: int | None, amount: Decimal | None
) -> None:
    """A law: what can be said in a query can be said in a Parameters resource, and is the same."""
    given = {"flag": ("valueBoolean", flag), "whole": ("valueInteger", whole), "amount": ("valueDecimal", amount)}
    entries: list[dict[str, Any]] = [{"name": "code", "valueCode": code} for code in codes]
    entries += [{"name": name, key: value} for name, (key, value) in given.items() if value is not None]
    pairs = [
        (e["name"], v if isinstance(v, str) else exact.encode(v).decode()) for e in entries for v in [*e.values()][1:]
    ]
    plain, body = Reader(EVERY, DEFINED, VALIDATOR), Reader(EVERY, DEFINED, VALIDATOR)
    plain.pairs(pairs)
    body.resource({"resourceType": "Parameters", **({"parameter": entries} if entries else {})})
    assert plain.result() == body.result()
    assert list(map(str, plain.result().values)) == list(map(str, body.result().values))


LOOKUP = made(
    parameter("name", "string", 1, use="out"),
    parameter("amount", "decimal", use="out"),
    parameter("any", "Any", use="out"),
    parameter("match", high="*", use="out", part=[parameter("coding", "Coding", 1)]),
)


def test_an_answer_is_a_parameters_resource() -> None:
    values = [
        Value("name", 'a "b"'),
        Value("amount", Decimal("1.00")),
        Value("any", b'{"resourceType":"Patient"}', "Patient"),
        Value("match", part=Parameters((Value("coding", {"code": "x"}),))),
        Value("match", part=Parameters((Value("coding", b'{"code":"y"}'),))),
    ]
    text = answer(LOOKUP, DEFINED, values)
    tree = exact.decode(text.encode())
    VALIDATOR.check("Parameters", tree)
    assert '"valueDecimal":1.00' in text
    assert tree["parameter"] == [
        {"name": "name", "valueString": 'a "b"'},
        {"name": "amount", "valueDecimal": Decimal("1.00")},
        {"name": "any", "resource": {"resourceType": "Patient"}},
        {"name": "match", "part": [{"name": "coding", "valueCoding": {"code": "x"}}]},
        {"name": "match", "part": [{"name": "coding", "valueCoding": {"code": "y"}}]},
    ]


def test_the_only_resource_that_is_returned_stands_alone() -> None:
    assert answer(OFFICIAL["Patient-everything"], DEFINED, [Value("return", b'{"a":1.0}')]) == '{"a":1.0}'
    assert answer(OFFICIAL["Resource-validate"], DEFINED, [Value("return", {"b": Decimal("1.0")})]) == '{"b":1.0}'
    # A Meta is no resource.
    assert answer(OFFICIAL["Resource-meta"], DEFINED, [Value("return", {"id": "x"})]).startswith('{"resourceType":"Par')


@pytest.mark.parametrize(
    "values",
    [
        [],
        [Value("name", "a"), Value("name", "b")],
        [Value("name", "a"), Value("other", "b")],
        [Value("name", "a"), Value("any", "b")],
        [Value("name", "a"), Value("match", part=Parameters())],
    ],
)
def test_an_answer_that_is_not_as_defined_is_our_fault(values: list[Value]) -> None:
    with pytest.raises(ValueError, match=r"any|name|other|coding"):
        answer(LOOKUP, DEFINED, values)


def test_every_official_definition_can_be_read() -> None:
    assert {name: (one.code, len(one.parameter)) for name, one in OFFICIAL.items()} == {
        tree["id"]: (tree["code"], len(tree.get("parameter", ()))) for tree in DEFINED.operations
    }
    assert OFFICIAL["ConceptMap-translate"].sent[-2].part[0].type == "uri"


# What an operation that judges is sent, whatever it is.
JUDGING = made(parameter("resource", "Resource"), parameter("mode", "code"))


@pytest.mark.parametrize(
    "tree", [{}, {"resourceType": "Nothing"}, {"resourceType": 5}, {"resourceType": "Patient", "a": 1}]
)
def test_what_is_to_be_judged_is_handed_over_as_it_was_sent(tree: dict[str, Any]) -> None:
    reader = Reader(JUDGING, DEFINED, VALIDATOR, unjudged=True)
    reader.resource(tree)
    [bare] = reader.result().values
    assert (bare.value, bare.place) == (tree, "")
    reader = Reader(JUDGING, DEFINED, VALIDATOR, unjudged=True)
    entries = [{"name": "mode", "valueCode": "x"}, {"name": "resource", "resource": tree}]
    reader.resource({"resourceType": "Parameters", "parameter": entries})
    [_, inside] = reader.result().values
    assert (inside.value, inside.place) == (tree, "Parameters.parameter[1].resource")


def test_parameters_may_themselves_be_what_is_to_be_judged() -> None:
    tree = {"resourceType": "Parameters", "parameter": [{"name": "a", "valueString": "b", "valueCode": "c"}]}
    reader = Reader(JUDGING, DEFINED, VALIDATOR, unjudged=True)
    reader.resource(tree, itself=True)
    assert reader.result().one("resource") == tree


@pytest.mark.parametrize("resource", ["text", 5, [], None])
def test_what_is_no_object_is_no_resource_to_be_judged(resource: Any) -> None:
    reader = Reader(JUDGING, DEFINED, VALIDATOR, unjudged=True)
    reader.resource({"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": resource}]})
    with pytest.raises(Invalid):
        reader.result()
