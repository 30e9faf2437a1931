"""The error tree: each class has its status and code, as the drawing says, and becomes an OperationOutcome."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from resources import outcome
from resources.models import model
from resources.outcome import BadRequest, FhirError, Gone, Invalid, Issue, operation_outcome


def classes(below: type[FhirError] = FhirError) -> Iterator[type[FhirError]]:
    """The classes of the tree, without what other modules derive from them."""
    for cls in below.__subclasses__():
        if cls.__module__ == outcome.__name__:
            yield cls
            yield from classes(cls)


DRAWN = dict(re.findall(r"── (\w+) +(\d{3} +[\w-]+(?: issue)?)", outcome.__doc__ or ""))


@pytest.mark.parametrize("cls", list(classes()))
def test_the_drawing_is_true(cls: type[FhirError]) -> None:
    status, code = DRAWN[cls.__name__].split(maxsplit=1)
    assert cls.status == int(status)
    assert code in (cls.code, "per issue")


def test_nothing_is_drawn_that_is_not_there() -> None:
    assert set(DRAWN) == {cls.__name__ for cls in classes()}


@pytest.mark.parametrize(
    ("expression", "path", "expected"),
    [
        ("Patient.name[0].given[1]", "Bundle.entry[2].resource", "Bundle.entry[2].resource.name[0].given[1]"),
        ("Patient", "Bundle.entry[0].resource", "Bundle.entry[0].resource"),
        ("", "Bundle.entry[0]", "Bundle.entry[0]"),
    ],
)
def test_st_2_an_issue_seen_from_the_bundle_selects_the_same_element(expression: str, path: str, expected: str) -> None:
    issue = Issue("error", "value", "wrong", (expression,) if expression else ())
    assert issue.within(path).expression == (expected,)


def test_an_error_seen_from_the_bundle_keeps_what_it_is() -> None:
    error = Gone("gone", headers={"ETag": 'W/"3"'}, expression=["Patient"])
    moved = error.within("Bundle.entry[1]")
    assert (type(moved), moved.headers) == (Gone, {"ETag": 'W/"3"'})
    assert moved.issues[0].expression == ("Bundle.entry[1]",)


def test_an_outcome_is_a_valid_operation_outcome() -> None:
    """What the server itself makes is checked by an independent model."""
    error = Invalid(issues=[Issue("error", "required", "missing", ("Patient.name",), ("line 1, column 2",))])
    tree = operation_outcome([*error.issues, *BadRequest("no").issues])
    assert model("OperationOutcome").model_validate(tree).issue[1].diagnostics == "no"
    assert tree["issue"][0] == {
        "severity": "error",
        "code": "required",
        "diagnostics": "missing",
        "location": ["line 1, column 2"],
        "expression": ["Patient.name"],
    }
