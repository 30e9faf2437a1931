"""Every invariant of the data types: a value that breaks it and nothing else, and one that keeps it by a hair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions
from resources.validation.invariants import INVARIANTS, JUDGED_ELSEWHERE, at_most, has_choice, invariants
from resources.validation.structures import Structs
from resources.validation.validator import Validator

from .samples import changed

DEFINITIONS = definitions.load()
VALIDATOR = Validator(DEFINITIONS)
STRUCTS = Structs(DEFINITIONS)

Json = dict[str, Any]

UCUM = {"system": "http://unitsofmeasure.org"}
ONE: Json = {"value": 1, "code": "a", **UCUM}
TEXT: Json = {"extension": [{"url": "http://example.org/x", "valueString": "a"}]}
REQUIREMENT: Json = {"type": "Patient"}


def filtered(**elements: Any) -> Json:
    return {**REQUIREMENT, "codeFilter": [elements]}


def dated(**elements: Any) -> Json:
    return {**REQUIREMENT, "dateFilter": [{"valueDateTime": "2020", **elements}]}


def repeat(**elements: Any) -> Json:
    return {"repeat": elements}


def element(**elements: Any) -> Json:
    return {"path": "Patient.name", **elements}


def typed(*codes: str, **elements: Any) -> Json:
    return element(type=[{"code": code} for code in codes], **elements)


def constrained(*keys: str) -> Json:
    return element(constraint=[{"key": key, "severity": "error", "human": "x"} for key in keys])


def trigger(kind: str, **elements: Any) -> Json:
    return {"type": kind, **elements}


# key, type, what breaks it, what keeps it, where it is broken below the value
CASES: list[tuple[str, str, Json, Json, str]] = [
    ("age-1", "Age", {**ONE, "value": 0}, {**ONE, "value": Decimal("0.1")}, ""),
    ("age-1", "Age", {"value": 1}, {"_value": TEXT, "code": "a", **UCUM}, ""),
    ("att-1", "Attachment", {"data": "aGk="}, {"data": "aGk=", "contentType": "text/plain"}, ""),
    ("cnt-3", "Count", {**ONE, "code": "2"}, {**ONE, "code": "1"}, ""),
    ("cnt-3", "Count", {**ONE, "code": "1", "value": Decimal("1.0")}, {"unit": "a"}, ""),
    ("cpt-2", "ContactPoint", {"value": "1"}, {"value": "1", "system": "phone"}, ""),
    ("dis-1", "Distance", {"value": 1, **UCUM}, ONE, ""),
    ("dis-1", "Distance", {**ONE, "system": "http://example.org"}, {"unit": "m"}, ""),
    ("drq-1", "DataRequirement", filtered(path="a", searchParam="b"), filtered(path="a"), ".codeFilter[0]"),
    ("drq-1", "DataRequirement", filtered(valueSet="a"), filtered(searchParam="b"), ".codeFilter[0]"),
    ("drq-2", "DataRequirement", dated(), dated(path="a"), ".dateFilter[0]"),
    ("drt-1", "Duration", {"code": "s", **UCUM}, ONE, ""),
    ("drt-1", "Duration", {**ONE, "system": "http://example.org"}, {"value": 1}, ""),
    ("eld-1", "ElementDefinition", element(slicing={"rules": "open"}),
     element(slicing={"rules": "open", "description": "a"}), ".slicing"),
    ("eld-2", "ElementDefinition", element(min=2, max="1"), element(min=2, max="*"), ""),
    ("eld-2", "ElementDefinition", element(min=1, max="0"), element(min=1, max="1"), ""),
    ("eld-2", "ElementDefinition", element(min=1, max="0" * 9), element(min=1, max="9" * 5000), ""),
    ("eld-3", "ElementDefinition", element(max="\u0663"), element(max="3"), ".max"),
    ("eld-3", "ElementDefinition", element(max="many"), element(max="0"), ".max"),
    ("eld-3", "ElementDefinition", element(max="-1"), element(max="12"), ".max"),
    ("eld-4", "ElementDefinition", element(type=[{"code": "string", "aggregation": ["bundled"]}]),
     element(type=[{"code": "Reference", "aggregation": ["bundled"]}]), ".type[0]"),
    ("eld-5", "ElementDefinition", typed("string", contentReference="#a"), element(contentReference="#a"), ""),
    ("eld-5", "ElementDefinition", element(minValueInteger=1, contentReference="#a"), element(contentReference="#a", max="1"), ""),
    ("eld-6", "ElementDefinition", typed("string", "code", fixedString="a"), typed("string", fixedString="a"), ""),
    ("eld-7", "ElementDefinition", typed("string", "code", patternString="a"), typed("string", patternString="a"), ""),
    ("eld-8", "ElementDefinition", element(fixedString="a", patternString="a"), element(fixedString="a"), ""),
    ("eld-12", "ElementDefinition", element(binding={"strength": "example", "valueSet": "#a"}),
     element(binding={"strength": "example", "valueSet": "urn:a"}), ".binding"),
    ("eld-13", "ElementDefinition", typed("string", "string"), typed("string", "code"), ""),
    ("eld-14", "ElementDefinition", constrained("a", "a"), constrained("a", "b"), ""),
    ("eld-15", "ElementDefinition", element(defaultValueString="a", meaningWhenMissing="b"), element(meaningWhenMissing="b"), ""),
    ("eld-16", "ElementDefinition", element(sliceName="a b"), element(sliceName="a/b-1_[x]@"), ""),
    ("eld-17", "ElementDefinition", element(type=[{"code": "string", "targetProfile": ["http://a"]}]),
     element(type=[{"code": "canonical", "targetProfile": ["http://a"]}]), ".type[0]"),
    ("eld-18", "ElementDefinition", element(isModifier=True), element(isModifier=False), ""),
    ("eld-19", "ElementDefinition", {"path": "Patient.a b"}, {"path": "Patient.value[x]"}, ""),
    ("eld-22", "ElementDefinition", element(sliceIsConstraining=True), element(sliceIsConstraining=True, sliceName="a"), ""),
    ("exp-1", "Expression", {"language": "text/cql"}, {"language": "text/cql", "_expression": TEXT}, ""),
    ("ext-1", "Annotation", {"text": "a", "extension": [{"url": "a"}]}, {"text": "a", **TEXT}, ".extension[0]"),
    ("ext-1", "Annotation", {"text": "a", "extension": [{"url": "a", "valueString": "a", **TEXT}]},
     {"text": "a", "extension": [{"url": "a", **TEXT}]}, ".extension[0]"),
    ("per-1", "Period", {"start": "2020-02", "end": "2020-01-31"}, {"start": "2020-01-31", "end": "2020-01"}, ""),
    ("per-1", "Period", {"start": "2020-01-01T10:00:00Z", "end": "2020-01-01T10:30:00+01:00"},
     {"start": "2020-01-01T10:00:00Z", "end": "2020-01-01T11:00:00+01:00"}, ""),
    ("qty-3", "Quantity", {"code": "a"}, {"code": "a", "system": "http://a"}, ""),
    ("rat-1", "Ratio", {"numerator": ONE}, {"numerator": ONE, "denominator": ONE}, ""),
    ("rng-2", "Range", {"low": {"value": 2}, "high": {"value": 1}}, {"low": {"value": 1}, "high": {"value": Decimal("1.0")}}, ""),
    ("sqty-1", "Range", {"low": {"value": 2, "comparator": "<"}}, {"low": {"value": 2}, "high": {"value": 1, "unit": "a"}}, ".low"),
    ("tim-1", "Timing", repeat(duration=1), repeat(duration=1, durationUnit="s"), ".repeat"),
    ("tim-2", "Timing", repeat(period=1), repeat(period=1, periodUnit="s"), ".repeat"),
    ("tim-4", "Timing", repeat(duration=-1, durationUnit="s"), repeat(duration=0, durationUnit="s"), ".repeat"),
    ("tim-5", "Timing", repeat(period=-1, periodUnit="s"), repeat(period=0, periodUnit="s"), ".repeat"),
    ("tim-6", "Timing", repeat(periodMax=1), repeat(period=1, periodMax=1, periodUnit="s"), ".repeat"),
    ("tim-7", "Timing", repeat(durationMax=1), repeat(duration=1, durationMax=1, durationUnit="s"), ".repeat"),
    ("tim-8", "Timing", repeat(countMax=1), repeat(count=1, countMax=1), ".repeat"),
    ("tim-9", "Timing", repeat(offset=1, when=["CM"]), repeat(offset=1, when=["ACM"]), ".repeat"),
    ("tim-9", "Timing", repeat(offset=1), repeat(when=["CM"]), ".repeat"),
    ("tim-10", "Timing", repeat(timeOfDay=["10:00:00"], when=["CM"]), repeat(timeOfDay=["10:00:00"]), ".repeat"),
    ("trd-1", "TriggerDefinition", trigger("data-added", data=[REQUIREMENT], timingDate="2020"),
     trigger("periodic", timingDate="2020"), ""),
    ("trd-2", "TriggerDefinition", trigger("named-event", name="a", condition={"language": "text/cql", "expression": "a"}),
     trigger("data-added", data=[REQUIREMENT], condition={"language": "text/cql", "expression": "a"}), ""),
    ("trd-3", "TriggerDefinition", trigger("named-event"), trigger("named-event", name="a"), ""),
    ("trd-3", "TriggerDefinition", trigger("data-added"), trigger("data-added", data=[REQUIREMENT]), ""),
    ("trd-3", "TriggerDefinition", trigger("periodic"), trigger("periodic", _timingDate=TEXT), ""),
]  # fmt: skip


def holding(kind: str, value: Json) -> tuple[Json, str]:
    """A resource that is valid but for the value, and the path of the value."""
    if kind != "ElementDefinition":
        extension = {"url": "a", f"value{kind}": value}
        return {
            "resourceType": "Basic",
            "code": {"text": "a"},
            "extension": [extension],
        }, "Basic.extension[0].value"
    definition = changed("StructureDefinition", {"differential": {"element": [value]}})
    return definition, "StructureDefinition.differential.element[0]"


@pytest.mark.parametrize(("key", "kind", "broken", "kept", "below"), CASES)
def test_invariant(key: str, kind: str, broken: Json, kept: Json, below: str) -> None:
    tree, path = holding(kind, broken)
    [issue] = VALIDATOR.issues(tree["resourceType"], tree)
    assert (issue.severity, issue.code) == ("error", "invariant")
    assert issue.expression == (path + below,)
    assert f"breaks {key}: " in issue.diagnostics
    assert issue.rule.endswith(f"#{key}")
    assert not STRUCTS.accepts(tree)
    tree, _ = holding(kind, kept)
    assert VALIDATOR.issues(tree["resourceType"], tree) == ()


def test_every_invariant_has_a_case() -> None:
    """Whatever a data type can break is written, and whatever is written is of a data type and has been broken here."""
    complex_types = [
        s for s in DEFINITIONS.structures.values() if s.kind == "complex-type" and s.name != "MoneyQuantity"
    ]
    constraints = [one for s in complex_types for element in s.elements.values() for one in element.constraints]
    errors = {one.key for one in constraints if one.severity == "error"}
    assert errors == INVARIANTS.keys() | JUDGED_ELSEWHERE
    assert INVARIANTS.keys() - {key for key, *_ in CASES} == {"eld-11"}
    assert INVARIANTS["eld-11"]({})


def test_money_quantity_is_no_type_of_an_element() -> None:
    """So its invariant, mqty-1, can never be broken."""
    types = {one for s in DEFINITIONS.structures.values() for e in s.elements.values() for one in e.types}
    assert not any("MoneyQuantity" in one.profiles or one.code == "MoneyQuantity" for one in types)


def test_invariants_of_resources_are_for_later() -> None:
    assert invariants(DEFINITIONS.structures, "Observation") == ()
    assert [key for key, *_ in invariants(DEFINITIONS.structures, "Quantity")] == ["qty-3"]
    assert [key for key, *_ in invariants(DEFINITIONS.structures, "Quantity", ("SimpleQuantity",))] == [
        "qty-3",
        "sqty-1",
    ]


def test_the_rule_is_of_the_structure_that_brings_it_in() -> None:
    found = [rule.rpartition("/")[2] for *_, rule in invariants(DEFINITIONS.structures, "Age")]
    assert found == ["Age#age-1", "Quantity#qty-3"]
    simple = invariants(DEFINITIONS.structures, "Quantity", ("SimpleQuantity",))
    assert [rule.rpartition("/")[2] for *_, rule in simple] == ["Quantity#qty-3", "SimpleQuantity#sqty-1"]
    assert next(rule for *_, rule in invariants(DEFINITIONS.structures, "Timing.repeat")) == (
        "http://hl7.org/fhir/StructureDefinition/Timing#tim-1"
    )


@pytest.mark.parametrize("name", ["valueString", "_valueString"])
def test_a_choice_exists_by_its_extension_too(name: str) -> None:
    assert has_choice({name: "a"}, "value")
    assert not has_choice({"code": "a"}, "value")


moments = st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones, moments, zones)
def test_instants_are_compared_in_time(a: datetime, zone_a: timezone, b: datetime, zone_b: timezone) -> None:
    first, second = a.replace(tzinfo=UTC), b.replace(tzinfo=UTC)
    written = [moment.astimezone(zone).isoformat() for moment, zone in ((first, zone_a), (second, zone_b))]
    assert at_most(*written) == (first <= second)


@given(moments, moments, st.sampled_from([4, 7, 10]), st.sampled_from([4, 7, 10]))
def test_dates_are_compared_as_far_as_both_tell(a: datetime, b: datetime, first: int, second: int) -> None:
    low, high = a.isoformat()[:first], b.isoformat()[:second]
    shared = min(first, second)
    assert at_most(low, high) == (low[:shared] <= high[:shared])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("2020-01-01T10:00:00.5Z", "2020-01-01T10:00:00.45Z", False),
        ("2020-01-01T10:00:00.50Z", "2020-01-01T10:00:00.5Z", True),
        ("2020-01-01T10:00:00.000000001Z", "2020-01-01T10:00:00Z", False),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.0Z", True),
        ("2020-01-01T10:00:00Z", "2020-01-01", True),
    ],
)
def test_fractions_have_any_length(low: str, high: str, expected: bool) -> None:
    assert at_most(low, high) is expected
