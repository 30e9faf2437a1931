"""Versions, supplements and the names that texts use."""

from __future__ import annotations

import pytest

from resources.outcome import NotFound
from terminology import findings
from terminology.operations.codings import Coding, Rules, canonical_of, supplements_of
from terminology.scope import CODE_SYSTEM

from .asked import code_system, scope
from .judged import COLOURS, SHAPES, here, value_set


def test_a_code_system_is_found_by_a_pattern_of_its_version() -> None:
    """TX-12: what is no pattern is the whole version."""
    some = [code_system(COLOURS, {"code": "red"}, version=one) for one in ("2.0.0", "1.1.0", "1.0.0")]
    rules = Rules(scope(*some))
    for wanted, version in (("", "2.0.0"), ("1.x", "1.1.0"), ("1.0.0", "1.0.0")):
        found = rules.system(COLOURS, wanted)
        assert found is not None
        assert found.about.version == version
    assert rules.system(COLOURS, "3") is rules.system(COLOURS, "1.1") is None
    assert rules.system(COLOURS, "1.x") is rules.system(COLOURS, "1.x")  # asked for once
    assert rules.scope.versions(CODE_SYSTEM, COLOURS) == ("2.0.0", "1.1.0", "1.0.0")


def test_supplements_are_used_or_an_error() -> None:
    """TX-41."""
    more = code_system("http://example.org/more", content="supplement", supplements=f"{SHAPES}|1.0")
    rules = Rules(here(more))
    rules.use(["http://example.org/more", "http://example.org/more"])
    assert rules.supplements == {SHAPES: ["http://example.org/more"]}
    for wrong in ("http://example.org/none", SHAPES):
        with pytest.raises(NotFound, match="supplement"):
            rules.use([wrong])


def test_supplements_that_a_value_set_wants() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
    extension = [{"url": url, "valueCanonical": "http://a.b|1"}, {"url": "http://c.d", "valueString": "x"}]
    assert [*supplements_of(value_set("x", extension=extension))] == ["http://a.b|1"]
    assert [*supplements_of({})] == []


def test_names() -> None:
    assert canonical_of({"url": "http://a.b", "version": "1"}) == "http://a.b|1"
    assert canonical_of({"url": "http://a.b"}) == "http://a.b"
    assert canonical_of({"version": "1"}) == "(unidentified)"


def test_what_is_said_twice_stands_there_once() -> None:
    coding = Coding(COLOURS, "red", path="Coding")
    coding.say(findings.no_system("Coding"))
    coding.say(findings.no_system("Coding"))
    coding.unknown_system(Rules(scope()), "")
    coding.unknown_system(Rules(scope()), "7")
    assert [one.message_id for one in coding.issues] == ["Coding_has_no_system__cannot_validate", "UNKNOWN_CODESYSTEM"]
    assert [*coding.unknown] == [COLOURS]


def test_a_quiet_question_tells_only_what_nobody_knows() -> None:
    coding = Coding(COLOURS, "red", path="Coding")
    quiet = coding.quiet()
    quiet.say(findings.not_active("red", "Coding.code"))
    quiet.unknown_system(Rules(scope()), "")
    assert [one.message_id for one in coding.issues] == ["UNKNOWN_CODESYSTEM"]
    assert [*coding.unknown] == [COLOURS]
