"""Profiles of several rules at once: what keeps to all of them is accepted, and each rule that is broken is found.

Every kind of rule has an element of its own, so that they can be put together at will; what is broken is generated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from resources.fhirpath import Outside
from tests.unit.resources.profiles.made import Tree, element, found, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import Known

OWN = "http://example.org/StructureDefinition/own"
UCUM = "http://unitsofmeasure.org"
SETS = {"urn:set": [("urn:x", code) for code in "abc"]}
EXTENSION = profile_of(
    "Extension", element("Extension.url", fixedUri=OWN), element("Extension.value[x]", min=1), url=OWN
)
WORLD = Known(SETS, [EXTENSION])
OUTSIDE = Outside(canonical=lambda value, code: {"g": (value, "g"), "mg": (value / Fraction(1000), "g")}.get(code))

codes = st.sampled_from("abc")
few = st.integers(1, 3)


@dataclass(frozen=True)
class Kind:
    """A rule: its elements and, drawn for the same number, content that keeps to it and content that does not."""

    elements: Callable[[int], list[Tree]]
    right: Callable[[st.DrawFn, int], Tree]
    wrong: Callable[[st.DrawFn, int], tuple[Tree, str, str]]  # content, code and place of the issue


def coded(code: str, system: str = "urn:x") -> Tree:
    return {"coding": [{"system": system, "code": code}]}


def quantity(draw: st.DrawFn, low: int, high: int) -> Tree:
    """Milligrams, written as such or in grams."""
    value = draw(st.integers(low, high))
    in_grams = draw(st.booleans()) and value % 1000 == 0
    return (
        {"value": value // 1000, "code": "g", "system": UCUM}
        if in_grams
        else {"value": value, "code": "mg", "system": UCUM}
    )


def notes(number: int) -> Tree:
    return {"note": [{"text": "n"}] * number} if number else {}


def components(*of: tuple[str, int]) -> Tree:
    return {"component": [{"code": coded(code), "valueInteger": value} for code, value in of]}


KINDS = {
    "minimum": Kind(
        lambda n: [element("Observation.note", min=n)],
        lambda draw, n: notes(draw(st.integers(n, n + 2))),
        lambda draw, n: (notes(draw(st.integers(0, n - 1))), "required", "note"),
    ),
    "maximum": Kind(
        lambda n: [element("Observation.performer", max=str(n))],
        lambda draw, n: {"performer": [{"display": "p"}] * draw(st.integers(1, n))},
        lambda draw, n: ({"performer": [{"display": "p"}] * draw(st.integers(n + 1, n + 3))}, "structure", "performer"),
    ),
    "prohibited": Kind(
        lambda n: [element("Observation.basedOn", max="0")],
        lambda draw, n: {},
        lambda draw, n: ({"basedOn": [{"display": "p"}] * draw(few)}, "structure", "basedOn"),
    ),
    "fixed": Kind(
        lambda n: [element("Observation.status", fixedCode="abc"[n - 1])],
        lambda draw, n: {"status": "abc"[n - 1]} if draw(st.booleans()) else {},
        lambda draw, n: ({"status": draw(st.sampled_from("xyz"))}, "value", "status"),
    ),
    "pattern": Kind(
        lambda n: [element("Observation.code", patternCodeableConcept=coded("abc"[n - 1]))],
        lambda draw, n: {"code": {"text": "t", "coding": [{"code": "x"}, *coded("abc"[n - 1])["coding"]]}},
        lambda draw, n: ({"code": coded("abc"[n - 1], draw(st.sampled_from(["urn:y", "urn"])))}, "value", "code"),
    ),
    "type": Kind(
        lambda n: [element("Observation.effective[x]", type=types(*["dateTime", "Period", "instant"][:n]))],
        lambda draw, n: {"effectiveDateTime": "2020"},
        lambda draw, n: ({"effectiveTiming": {"event": ["2020"]}}, "structure", "effective"),
    ),
    "bounds": Kind(
        lambda n: [
            element(
                "Observation.value[x]",
                minValueQuantity={"value": n, "code": "g", "system": UCUM},
                maxValueQuantity={"value": n + 2, "code": "g", "system": UCUM},
            )
        ],
        lambda draw, n: {"valueQuantity": quantity(draw, n * 1000, n * 1000 + 2000)},
        lambda draw, n: (
            {"valueQuantity": quantity(draw, *draw(st.sampled_from([(0, n * 1000 - 1), (n * 1000 + 2001, 9000)])))},
            "value",
            "value",
        ),
    ),
    "length": Kind(
        lambda n: [element("Observation.method"), element("Observation.method.text", maxLength=n)],
        lambda draw, n: {"method": {"text": draw(st.text("ab", min_size=1, max_size=n))}},
        lambda draw, n: ({"method": {"text": draw(st.text("ab", min_size=n + 1, max_size=n + 3))}}, "value", "method.text"),
    ),
    "constraint": Kind(
        lambda n: [
            element(
                "Observation.interpretation",
                constraint=[{"key": "o-1", "severity": "error", "human": "h", "expression": f"coding.count() <= {n}"}],
            )
        ],
        lambda draw, n: {"interpretation": [{"coding": [{"code": "c"}] * draw(st.integers(1, n))}]},
        lambda draw, n: (
            {"interpretation": [{"text": "t"}, {"coding": [{"code": "c"}] * draw(st.integers(n + 1, n + 3))}]},
            "invariant",
            "interpretation[1]",
        ),
    ),
    "binding": Kind(
        lambda n: [element("Observation.bodySite", binding={"strength": "required", "valueSet": "urn:set"})],
        lambda draw, n: {"bodySite": coded(draw(codes))},
        lambda draw, n: ({"bodySite": coded(draw(codes), "urn:y")}, "code-invalid", "bodySite"),
    ),
    "target": Kind(
        lambda n: [
            element(
                "Observation.subject",
                type=types("Reference", targets=["http://hl7.org/fhir/StructureDefinition/Patient"]),
            )
        ],
        lambda draw, n: {"subject": {"reference": f"Patient/{n}"}},
        lambda draw, n: (
            {"subject": {"reference": f"{draw(st.sampled_from(['Group', 'Device']))}/{n}"}},
            "value",
            "subject.reference",
        ),
    ),
    "profile of a type": Kind(
        lambda n: [
            element("Observation.extension", slicing=slicing(("value", "url"))),
            element("Observation.extension:own", type=types("Extension", profile=[OWN])),
        ],
        lambda draw, n: {"extension": [{"url": "urn:other"}, {"url": OWN, "valueInteger": n}]},
        lambda draw, n: ({"extension": [{"url": "urn:other"}] * n + [{"url": OWN}]}, "required", f"extension[{n}].value"),
    ),
    "closed slices in order": Kind(
        lambda n: [
            element("Observation.category", slicing=slicing(("value", "coding.code"), rules="closed", ordered=True)),
            *(
                one
                for code in "abc"[: n + 1]
                for one in (
                    element(f"Observation.category:{code}"),
                    element(f"Observation.category:{code}.coding"),
                    element(f"Observation.category:{code}.coding.code", fixedCode=code),
                )
            ),
        ],
        lambda draw, n: {"category": [coded(code) for code in sorted(draw(st.lists(st.sampled_from("abc"[: n + 1]), min_size=1)))]},
        lambda draw, n: draw(
            st.sampled_from(
                [
                    ({"category": [coded("b"), coded("a")]}, "structure", "category[1]"),
                    ({"category": [coded("a"), coded("x")]}, "structure", "category[1]"),
                ]
            )
        ),
    ),
    "slices": Kind(
        lambda n: [
            element("Observation.component", slicing=slicing(("pattern", "code"))),
            element("Observation.component:a", min=1, max=str(n)),
            element("Observation.component:a.code", patternCodeableConcept=coded("a")),
            element("Observation.component:a.value[x]", fixedInteger=n),
        ],
        lambda draw, n: components(*[("b", 0)] * draw(st.integers(0, 2)), *[("a", n)] * draw(st.integers(1, n))),
        lambda draw, n: draw(
            st.sampled_from(
                [
                    (components(("b", n)), "required", "component"),
                    (components(*[("a", n)] * (n + 1)), "structure", "component"),
                    (components(("b", 0), ("a", n + 1)), "value", "component[1].value"),
                ]
            )
        ),
    ),
}  # fmt: skip


@given(st.data(), st.dictionaries(st.sampled_from(sorted(KINDS)), few, min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_each_broken_rule_is_found_and_nothing_else(data: st.DataObject, chosen: dict[str, int]) -> None:
    profile = profile_of("Observation", *(one for kind, n in chosen.items() for one in KINDS[kind].elements(n)))
    tree: dict[str, Any] = {"resourceType": "Observation"}
    for kind, n in chosen.items():
        tree |= KINDS[kind].right(data.draw, n)
    assert found(profile, tree, WORLD, OUTSIDE) == []
    broken = data.draw(st.sampled_from(sorted(chosen)))
    content, code, place = KINDS[broken].wrong(data.draw, chosen[broken])
    mutated = {key: value for key, value in tree.items() if key not in KINDS[broken].right(data.draw, chosen[broken])}
    assert found(profile, mutated | content, WORLD, OUTSIDE) == [("error", code, f"Observation.{place}")]
