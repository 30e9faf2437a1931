"""$validate-code: what is asked, and what an answer says. https://hl7.org/fhir/R4/valueset-operation-validate-code.html"""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest, FhirError, Invalid, NotFound, NotSupported
from terminology.operations.validate_code import MOST

from .asked import Tree, code_system, scope
from .judged import COLOURS, SETS, SHAPES, all_of, here, in_code_system, in_value_set, shapes, these, under, value_set

ROUND = value_set("round", under("round"), version="2")


def test_a_code_that_is_in_it_is_answered_with_all_that_is_known_of_it() -> None:
    """TX-30: result, code, system, version and display; no issues."""
    found = in_value_set(here(ROUND), url=f"{SETS}round", system=SHAPES, code="circle")
    assert found.result
    assert found.values == {"code": "circle", "system": SHAPES, "version": "1.0", "display": "Circle"}
    assert not found.issues


def test_a_code_that_is_not_in_it() -> None:
    """TX-30, TX-32: message, and the issue with its place and kind."""
    found = in_value_set(here(ROUND), url=f"{SETS}round", system=SHAPES, code="square")
    assert not found.result
    assert found.kinds == ["error not-in-vs"]
    assert found.places == ["code"]
    assert found.values["message"] == found.issues[0]["details"]["text"]
    assert f"'{SHAPES}#square'" in found.values["message"]
    assert f"'{SETS}round|2'" in found.values["message"]
    assert found.values["display"] == "Square"


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({"code": "none", "system": SHAPES}, ["code", "code"]),
        ({"coding": {"code": "none", "system": SHAPES}}, ["Coding.code", "Coding.code"]),
        (
            {"codeableConcept": {"coding": [{"code": "none", "system": SHAPES}]}},
            ["CodeableConcept.coding[0].code", "CodeableConcept.coding[0].code"],
        ),
    ],
)
def test_issues_tell_the_exact_place(asked: dict[str, Any], places: list[str]) -> None:
    """TX-31, TX-32."""
    found = in_value_set(here(ROUND), url=f"{SETS}round", **asked)
    assert not found.result
    assert "Unknown_Code_in_Version" in found.ids
    assert found.places == places


def test_one_coding_that_is_in_it_is_enough_and_all_are_examined() -> None:
    """TX-31."""
    concept = {
        "coding": [
            {"system": SHAPES, "code": "square"},
            {"system": COLOURS, "code": "red"},
            {"system": SHAPES, "code": "circle"},
        ],
        "text": "a ring",
    }
    found = in_value_set(here(ROUND), url=f"{SETS}round", codeableConcept=concept)
    assert found.result
    assert (found.values["code"], found.values["display"]) == ("circle", "Circle")
    assert found.values["codeableConcept"] == concept
    assert found.kinds == ["information this-code-not-in-vs", "error not-found", "information this-code-not-in-vs"]
    assert found.values["x-caused-by-unknown-system"] == COLOURS


def test_a_concept_whose_right_coding_has_a_wrong_display_is_wrong() -> None:
    """TX-31, TX-33."""
    codings = [{"system": SHAPES, "code": "circle", "display": "Cube"}, {"system": SHAPES, "code": "none"}]
    found = in_value_set(here(ROUND), url=f"{SETS}round", codeableConcept={"coding": codings})
    assert not found.result
    assert found.places == [
        f"CodeableConcept.coding[{n}].{name}" for n, name in ((0, "display"), (1, "code"), (1, "code"))
    ]


def test_a_concept_without_a_right_coding() -> None:
    codings = [{"system": SHAPES, "code": "square"}, {"system": SHAPES, "code": "figure"}]
    found = in_value_set(here(ROUND), url=f"{SETS}round", codeableConcept={"coding": codings})
    assert not found.result
    assert found.ids[-1] == "TX_GENERAL_CC_ERROR_MESSAGE"
    assert found.values.keys() == {"codeableConcept", "message"}
    assert found.values["message"] == f"No valid coding was found for the value set '{SETS}round|2'"


def test_the_system_is_inferred_where_that_is_asked() -> None:
    found = in_value_set(here(ROUND), url=f"{SETS}round", code="circle", inferSystem=True)
    assert found.result
    assert found.values["system"] == SHAPES
    assert not in_value_set(here(ROUND), url=f"{SETS}round", code="square", inferSystem=True).result
    other = scope(shapes(), code_system(COLOURS, {"code": "circle"}), value_set("both", all_of(), all_of(COLOURS)))
    several = in_value_set(other, url=f"{SETS}both", code="circle", inferSystem=True)
    assert several.kinds == ["error cannot-infer", "error not-in-vs"]
    assert SHAPES in several.values["message"]
    assert COLOURS in several.values["message"]


def test_an_unknown_code_system_is_told_by_its_own_parameter() -> None:
    """TX-30: x-caused-by-unknown-system where the answer rests on it, x-unknown-system where it does not."""
    needing = value_set("needing", all_of("http://example.org/none"))
    found = in_value_set(here(needing), url=f"{SETS}needing", system="http://example.org/none", code="x")
    assert found.kinds == ["error not-found"]
    assert found.values["x-caused-by-unknown-system"] == "http://example.org/none"
    found = in_value_set(here(ROUND), url=f"{SETS}round", system="http://example.org/none", code="x")
    assert sorted(found.kinds) == ["error not-found", "error not-in-vs"]
    assert found.values["x-unknown-system"] == "http://example.org/none"


def test_a_code_of_another_case_is_normalised() -> None:
    """TX-30, TX-34: caseSensitive."""
    loose = code_system(COLOURS, {"code": "Red", "display": "Red"}, caseSensitive=False)
    here_ = scope(loose, value_set("reds", these("Red", system=COLOURS)))
    found = in_value_set(here_, url=f"{SETS}reds", system=COLOURS, code="rED")
    assert found.result
    assert (found.values["code"], found.values["normalized-code"]) == ("rED", "Red")
    assert found.ids == ["CODE_CASE_DIFFERENCE"]
    assert not in_value_set(here(ROUND), url=f"{SETS}round", system=SHAPES, code="Circle").result


def test_inactive_and_deprecated_codes_are_valid_and_remarked() -> None:
    """TX-30: inactive and status."""
    found = in_code_system(here(), url=SHAPES, code="old")
    assert found.result
    assert (found.values["inactive"], found.values["status"]) == (True, "retired")
    assert found.ids == ["INACTIVE_CONCEPT_FOUND"]
    assert "retired and inactive" in found.values["message"]
    found = in_code_system(here(), url=SHAPES, code="weak")
    assert found.result
    assert found.values["status"] == "deprecated"
    assert "inactive" not in found.values


def test_inactive_codes_where_only_active_ones_will_do() -> None:
    some = value_set("some", all_of())
    active = value_set("active", all_of(), inactive=False)
    for found in (
        in_value_set(here(some), url=f"{SETS}some", system=SHAPES, code="old", activeOnly=True),
        in_value_set(here(active), url=f"{SETS}active", system=SHAPES, code="old"),
        in_code_system(here(), url=SHAPES, code="old", activeOnly=True),
    ):
        assert not found.result
        assert "STATUS_CODE_WARNING_CODE" in found.ids
        assert found.values["inactive"] is True
    assert in_value_set(here(some), url=f"{SETS}some", system=SHAPES, code="old").result


def test_abstract_codes_will_do_unless_the_client_says_no() -> None:
    some = here(value_set("some", all_of()))
    assert in_value_set(some, url=f"{SETS}some", system=SHAPES, code="round").result
    for found in (
        in_value_set(some, url=f"{SETS}some", system=SHAPES, code="round", abstract=False),
        in_code_system(some, url=SHAPES, code="round", abstract=False),
    ):
        assert not found.result
        assert found.ids[0] == "ABSTRACT_CODE_NOT_ALLOWED"


def test_membership_only_looks_at_nothing_else() -> None:
    """TX-13."""
    found = in_value_set(
        here(ROUND),
        ("valueset-membership-only", True),
        url=f"{SETS}round",
        system=SHAPES,
        code="circle",
        display="Cube",
    )
    assert found.result
    assert not found.issues
    listing = here(value_set("listing", these("x", system="http://example.org/none")))
    asked = {"url": f"{SETS}listing", "system": "http://example.org/none", "code": "x"}
    assert in_value_set(listing, **asked, mode="CHECK_MEMBERSHIP_ONLY").result
    assert not in_value_set(listing, **asked).result


def test_no_membership_looks_at_the_code_alone() -> None:
    """TX-13."""
    found = in_value_set(
        here(ROUND), url=f"{SETS}round", system=SHAPES, code="square", valueSetMode="NO_MEMBERSHIP_CHECK"
    )
    assert found.result
    with pytest.raises(NotSupported, match="mode"):
        in_value_set(here(ROUND), url=f"{SETS}round", system=SHAPES, code="square", mode="sideways")


def test_a_value_set_may_be_sent() -> None:
    sent = value_set("sent", these("oval"))
    found = in_value_set(here(), valueSet=sent, system=SHAPES, code="oval")
    assert found.result
    assert "display" not in found.values
    del sent["url"]
    found = in_value_set(here(), valueSet=sent, system=SHAPES, code="circle")
    assert "(unidentified)" in found.values["message"]


def test_versions_of_the_value_set() -> None:
    both = here(ROUND, value_set("round", under("angular"), version="1"))
    asked = {"system": SHAPES, "code": "square"}
    assert not in_value_set(both, url=f"{SETS}round", **asked).result
    assert in_value_set(both, url=f"{SETS}round|1", **asked).result
    assert in_value_set(both, url=f"{SETS}round", valueSetVersion="1", **asked).result
    assert in_value_set(both, ("default-valueset-version", f"{SETS}round|1"), url=f"{SETS}round", **asked).result


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"url": f"{SETS}none", "system": SHAPES, "code": "circle"}, NotFound),
        ({"system": SHAPES, "code": "circle"}, Invalid),
        ({"url": f"{SETS}round"}, BadRequest),
        ({"url": f"{SETS}round", "code": "circle"}, BadRequest),
        ({"url": f"{SETS}round", "system": SHAPES}, BadRequest),
        ({"url": f"{SETS}round", "system": SHAPES, "code": "oval", "coding": {"system": SHAPES}}, BadRequest),
        ({"context": "http://example.org/StructureDefinition/x#x.y", "code": "circle"}, NotSupported),
        (
            {"url": f"{SETS}round", "coding": {"code": "circle", "system": SHAPES}, "useSupplement": "http://x.y"},
            NotFound,
        ),
        ({"url": f"{SETS}round", "coding": {"code": "circle", "system": SHAPES}, "displayLanguage": "-"}, BadRequest),
        ({"url": f"{SETS}round", "codeableConcept": {"coding": [{"code": "circle"}] * (MOST + 1)}}, Invalid),
    ],
)
def test_what_cannot_be_asked_is_an_error(asked: dict[str, Any], error: type[FhirError]) -> None:
    """TX-90."""
    with pytest.raises(error):
        in_value_set(here(ROUND), **asked)


def test_codes_of_a_code_system() -> None:
    """TX-30 of CodeSystem/$validate-code: url, codeSystem, version, coding, codeableConcept."""
    assert in_code_system(here(), url=SHAPES, code="circle", version="1.0", display="circle").result
    assert in_code_system(here(), coding={"system": SHAPES, "code": "circle"}).result
    assert in_code_system(scope(), codeSystem=shapes(), code="circle").values["system"] == SHAPES
    assert not in_code_system(here(), url=SHAPES, code="cube").result
    missing = in_code_system(here(), url=SHAPES, code="circle", version="7")
    assert missing.ids == ["UNKNOWN_CODESYSTEM_VERSION"]
    assert missing.values["x-caused-by-unknown-system"] == f"{SHAPES}|7"
    other = in_code_system(here(), url=SHAPES, coding={"system": COLOURS, "code": "circle"})
    assert other.ids == ["CODING_OF_ANOTHER_SYSTEM"]
    concept = {"coding": [{"system": SHAPES, "code": "cube"}, {"system": SHAPES, "code": "circle"}]}
    found = in_code_system(here(), codeableConcept=concept)
    assert found.result
    assert found.values["code"] == "circle"


def test_the_message_has_every_error_once_and_sorted() -> None:
    found = in_value_set(here(ROUND), url=f"{SETS}round", system=SHAPES, code="none")
    texts = [one["details"]["text"] for one in found.issues]
    assert found.values["message"] == "; ".join(sorted(texts))


@pytest.mark.parametrize("ask", [in_value_set, in_code_system])
@pytest.mark.parametrize(
    ("coding", "lacking"),
    [
        ({"system": SHAPES}, "code"),
        ({"system": "http://example.org/unknown", "display": "Circle"}, "code"),
        ({"code": "circle"}, "system"),
        ({"display": "Circle"}, "system_or_code"),
    ],
)
def test_what_a_coding_lacks_is_a_warning_and_the_answer_no(ask: Any, coding: Tree, lacking: str) -> None:
    """Only the client knows whether it matters; nothing is said of a code that never was. inferSystem is for `code`."""
    here_ = here(value_set("round", under("round")))
    url = SHAPES if ask is in_code_system else f"{SETS}round"
    for place, named in (
        ("Coding", {"coding": coding}),
        ("CodeableConcept.coding[0]", {"codeableConcept": {"coding": [coding]}}),
    ):
        for more in ({}, {"inferSystem": True}) if ask is in_value_set else ({},):
            found = ask(here_, url=url, **named, **more)
            assert not found.result
            assert found.values["message"]
            assert found.ids[0] == f"Coding_has_no_{lacking}__cannot_validate"
            assert (found.kinds[0], found.places[0]) == ("warning invalid-data", place)
            if lacking != "system":
                assert len(found.issues) == 1
    right = {"codeableConcept": {"coding": [coding, {"system": SHAPES, "code": "circle"}]}}
    found = ask(here_, url=url, **right)
    assert found.result
    assert found.values["code"] == "circle"


def test_a_concept_without_codings_is_answered() -> None:
    tree = value_set("round", under("round"))
    found = in_value_set(here(tree), url=tree["url"], codeableConcept={"text": "ring"})
    assert not found.result
    assert (found.kinds, found.places) == (["warning invalid-data"], ["CodeableConcept"])


def test_of_two_codings_in_the_value_set_one_without_errors_will_do() -> None:
    tree = value_set("round", under("round"))
    wrong = {"system": SHAPES, "code": "circle", "display": "Square"}
    for codings, result in (([wrong, {"system": SHAPES, "code": "oval"}], True), ([wrong, wrong], False)):
        found = in_value_set(here(tree), url=tree["url"], codeableConcept={"coding": codings})
        assert found.result is result
        assert found.values["code"] == codings[-1]["code"]
        assert "error invalid-display" in found.kinds


def test_the_version_of_a_code_system_that_a_request_names() -> None:
    """It counts for a Coding, too; one of another version is not of it."""
    both = scope(
        code_system(COLOURS, {"code": "blue"}, version="2"), code_system(COLOURS, {"code": "red"}, version="1")
    )
    for named in ({"url": f"{COLOURS}|1"}, {"url": COLOURS, "version": "1"}):
        found = in_code_system(both, **named, coding={"system": COLOURS, "code": "red"})
        assert (found.result, found.values["version"]) == (True, "1")
        assert not in_code_system(both, **named, coding={"system": COLOURS, "code": "blue"}).result
        other = in_code_system(both, **named, coding={"system": COLOURS, "code": "blue", "version": "2"})
        assert (other.result, other.ids) == (False, ["CODING_OF_ANOTHER_VERSION"])
