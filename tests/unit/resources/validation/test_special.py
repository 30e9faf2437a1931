"""What R4 asks of single types in words only: the paths of a differential."""

from __future__ import annotations

from typing import Any

import pytest

from resources.definitions import load
from resources.fhirpath import Outside
from resources.profiles.run import Run
from resources.validation.special import SPECIAL

from ....worlds import World

DEFINITIONS = load()
WORLD = World(DEFINITIONS)


def found(tree: dict[str, Any]) -> list[tuple[str, ...]]:
    """(severity, code, FHIRPath) of each issue."""
    run = Run(DEFINITIONS, WORLD, tree, Outside())
    SPECIAL[tree["resourceType"]](run.root, run)
    return [(issue.severity, issue.code, *issue.expression) for issue in run.issues]


def test_every_row_is_a_type() -> None:
    assert set(SPECIAL) <= set(DEFINITIONS.resource_types)


def differential(*paths: str, of: str = "Observation", **more: Any) -> list[tuple[str, ...]]:
    elements = []
    for path in paths:
        plain = ".".join(part.partition(":")[0] for part in path.split("."))
        elements.append({"id": path, "path": plain})
    tree = {"resourceType": "StructureDefinition", "type": of, "derivation": "constraint", **more}
    return found({**tree, "differential": {"element": elements}})


def place(n: int) -> str:
    return f"StructureDefinition.differential.element[{n}].path"


@pytest.mark.parametrize(
    "paths",
    [
        ("Observation",),
        ("Observation.code", "Observation.code.coding", "Observation.code.coding.system"),
        ("Observation.value[x]", "Observation.value[x].coding"),
        ("Observation.valueQuantity", "Observation.valueQuantity.code"),
        ("Observation.value[x]", "Observation.value[x]:valueQuantity", "Observation.value[x]:valueQuantity.value"),
        ("Observation.component", "Observation.component:a", "Observation.component:a.code", "Observation.component:b"),
        ("Observation.component.referenceRange.low",),  # a reference to the content of another element
        ("Observation.status.extension", "Observation.status.value"),
        ("Observation.contained", "Observation.contained.birthDate"),  # of whatever type it is
        ("Observation.extension", "Observation.extension:a.extension.value[x].code"),
    ],
)
def test_a_differential_may_speak_of_elements_that_there_are(paths: tuple[str, ...]) -> None:
    assert differential(*paths) == []


@pytest.mark.parametrize(
    "path",
    [
        "Observation.cod",
        "Observation.code.codings",
        "Observation.valueAttachment",
        "Observation.value[x].nothing",
        "Observation.code[x]",
        "Observation._status",
        "Observation.component.component",
        "Observation.status.status",
        "Observation.subject.name",
        "Observation.",
    ],
)
def test_a_differential_may_not_speak_of_others(path: str) -> None:
    assert differential("Observation", path) == [("error", "value", place(1))]


def test_elements_stand_in_the_order_of_the_type() -> None:
    assert differential("Observation.subject", "Observation.code") == [("warning", "structure", place(1))]
    assert differential("Observation.code.text", "Observation.code.coding") == [("warning", "structure", place(1))]
    assert differential("Observation.component:a.valueQuantity", "Observation.component:b.code") == []


@pytest.mark.parametrize("more", [{"derivation": "specialization"}, {"of": "Own"}, {"derivation": None}])
def test_a_new_type_defines_its_elements(more: dict[str, Any]) -> None:
    assert differential("Observation.cod", **more) == []


def test_what_has_no_differential_has_nothing_wrong_in_it() -> None:
    tree = {"resourceType": "StructureDefinition", "type": "Patient", "derivation": "constraint"}
    assert found(tree) == []
