"""What a request names is found, or said to be missing with the place where it was named."""

from __future__ import annotations

import pytest

from resources.outcome import BadRequest, Invalid, NotFound, Unprocessable
from terminology import resources
from terminology.operations.asking import Asked, code_system, coding_of, concept, exactly_one, sent_code_system

from . import asked as shelf

URL = "http://shapes.test/cs"
TREE = shelf.code_system(URL, {"code": "a"}, version="2")


def test_a_coding_is_read_with_its_place() -> None:
    assert coding_of({"system": URL, "code": "a", "version": "2", "display": "A"}, "coding") == Asked(
        URL, "a", "2", "A", "coding.code"
    )
    with pytest.raises(Invalid) as caught:
        coding_of({"system": URL}, "codingA")
    assert caught.value.issues[0].expression == ("codingA",)


def test_tx90_an_unknown_system_is_not_found_and_says_where_it_was_named() -> None:
    with pytest.raises(NotFound) as caught:
        code_system(shelf.scope(TREE), "http://no.test", place="system")
    [issue] = caught.value.issues
    assert (issue.code, issue.message_id, issue.expression) == ("not-found", "UNKNOWN_CODESYSTEM", ("system",))
    with pytest.raises(NotFound) as caught:
        code_system(shelf.scope(TREE), URL, "3")
    assert caught.value.issues[0].message_id == "UNKNOWN_CODESYSTEM_VERSION"


def test_tx90_an_unknown_code_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        concept(resources.code_system(TREE), Asked(URL, "b", place="code"))
    [issue] = caught.value.issues
    assert issue.as_json() == {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id",
                "valueString": "Unknown_Code_in_Version",
            }
        ],
        "severity": "error",
        "code": "not-found",
        "details": {
            "coding": [{"system": "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type", "code": "invalid-code"}],
            "text": f"Unknown code 'b' in the CodeSystem '{URL}' version '2'",
        },
        "expression": ["code"],
    }


def test_of_a_fragment_it_is_said_that_it_is_one() -> None:
    with pytest.raises(NotFound, match="only a fragment"):
        concept(resources.code_system({**TREE, "content": "fragment"}), Asked(URL, "b"))


def test_a_code_system_may_be_sent() -> None:
    found = sent_code_system(shelf.asked(codeSystem=TREE))
    assert found is not None
    assert found.find("a") == 0
    assert sent_code_system(shelf.asked()) is None
    with pytest.raises(Unprocessable, match="supplement"):
        sent_code_system(shelf.asked(codeSystem={**TREE, "content": "supplement"}))


def test_one_of_several_parameters() -> None:
    assert exactly_one(shelf.asked(a=1), "a", "b") == "a"
    with pytest.raises(BadRequest, match="none was"):
        exactly_one(shelf.asked(), "a", "b")
    with pytest.raises(BadRequest, match="a and b were sent"):
        exactly_one(shelf.asked(a=1, b=2), "a", "b")
