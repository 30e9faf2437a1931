"""Displays by language, white space, case and status."""

from __future__ import annotations

from typing import Any

import pytest

from terminology import resources
from terminology.languages import Languages
from terminology.operations import displays
from terminology.system import Designation

from .asked import Tree, code_system, scope
from .judged import SETS, SHAPES, STATUS, here, in_code_system, in_value_set, shapes, value_set

SYSTEM = resources.code_system(shapes())


def checked(given: str, languages: str = "", code: str = "circle", **more: Any) -> tuple[str, str]:
    """Severity and id of what is said of a display."""
    ordinal = SYSTEM.find(code)
    assert ordinal is not None
    issue = displays.check(SYSTEM, ordinal, given, Languages.of(languages, None, "", 0.0), "display", **more)
    return (issue.severity, issue.message_id) if issue else ("", "")


WRONG = "Display_Name_for__should_be_one_of__instead_of"
SPACES = "Display_Name_WS_for__should_be_one_of__instead_of"
NONE_RIGHT = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"
NONE_WRONG = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"


@pytest.mark.parametrize(
    ("given", "languages", "said"),
    [
        ("Circle", "", ("", "")),
        ("cIRCLE", "", ("", "")),
        ("Kreis", "", ("", "")),
        ("Kreis", "de", ("", "")),
        ("Kreis", "fr,de;q=0.4", ("", "")),
        ("Kreis", "de-CH", ("", "")),
        ("Circle", "de", ("error", WRONG)),
        ("Kreis", "en", ("error", WRONG)),
        ("Circle", "fr", ("information", NONE_RIGHT)),
        ("Cube", "fr", ("error", NONE_WRONG)),
        ("Cube", "", ("error", WRONG)),
        (" Circle  ", "", ("error", SPACES)),
        ("disc", "", ("warning", "INACTIVE_DISPLAY_FOUND")),
    ],
)
def test_displays(given: str, languages: str, said: tuple[str, str]) -> None:
    """TX-33, TX-40: for a validation other languages than those that were asked for have no weight."""
    assert checked(given, languages) == said


def test_a_lenient_client_is_only_warned() -> None:
    """TX-33."""
    assert checked("Cube", severity="warning") == ("warning", WRONG)
    assert checked("Cube", "fr", severity="warning") == ("warning", NONE_WRONG)
    asked = {"url": SHAPES, "code": "circle", "display": "Cube"}
    assert not in_code_system(here(), **asked).result
    lenient = in_code_system(here(), ("lenient-display-validation", True), **asked)
    assert lenient.result
    assert lenient.kinds == ["warning invalid-display"]
    assert lenient.values["message"] == lenient.issues[0]["details"]["text"]
    assert in_code_system(here(), **asked, mode="lenient-display-validation").result


def test_the_text_names_the_displays_there_are_with_their_languages() -> None:
    text = in_code_system(here(), url=SHAPES, code="circle", display="Cube").text(WRONG)
    assert "one of 2 choices: 'Circle' (en) or 'Kreis' (de)" in text
    assert text.endswith("(for the language(s) '--')")
    text = in_code_system(here(), url=SHAPES, code="circle", display="Cube", displayLanguage="en").text(WRONG)
    assert "is 'Circle' (en) (for the language(s) 'en')" in text
    assert "Circle" in in_code_system(here(), url=SHAPES, code="circle", display="disc").text("INACTIVE_DISPLAY_FOUND")


def test_a_concept_without_any_display() -> None:
    assert checked("Oval", code="oval") == ("warning", "NO_VALID_DISPLAY_AT_ALL")


def test_terms_for_another_use_are_accepted_and_not_recommended() -> None:
    use = {"system": "http://example.org/uses", "code": "slang"}
    tree = code_system(SHAPES, {"code": "x", "display": "X", "designation": [{"use": use, "value": "exie"}]})
    assert in_code_system(scope(tree), url=SHAPES, code="x", display="exie").result
    assert "choices" not in in_code_system(scope(tree), url=SHAPES, code="x", display="y").text(WRONG)


def test_a_display_of_no_language_is_one_in_any() -> None:
    """TX-33."""
    tree = code_system(SHAPES, {"code": "x", "display": "X", "designation": [{"value": "Ex"}]})
    for display in ("X", "Ex"):
        assert not in_code_system(scope(tree), url=SHAPES, code="x", display=display, displayLanguage="de").issues
    assert in_code_system(scope(tree), url=SHAPES, code="x", display="Y", displayLanguage="de").ids == [WRONG]


def test_a_definition_is_no_display() -> None:
    use = {"system": "http://terminology.hl7.org/CodeSystem/designation-usage", "code": "definition"}
    tree = code_system(SHAPES, {"code": "x", "display": "X", "designation": [{"use": use, "value": "a cross"}]})
    assert not in_code_system(scope(tree), url=SHAPES, code="x", display="a cross").result


@pytest.mark.parametrize(
    ("languages", "header", "display"),
    [
        ("", "", "Circle"),
        ("de", "", "Kreis"),
        ("fr", "", "Circle"),
        ("", "de, en;q=0.5", "Kreis"),
        ("en", "de", "Circle"),
    ],
)
def test_the_answer_has_the_display_in_the_best_language(languages: str, header: str, display: str) -> None:
    """TX-40: displayLanguage before Accept-Language."""
    asked = {"displayLanguage": languages} if languages else {}
    assert in_code_system(here(), url=SHAPES, code="circle", **asked, languages=header).values["display"] == display


def listing(**entry: Any) -> Tree:
    return value_set("own", {"system": SHAPES, "concept": [{"code": "circle", **entry}]}, language="en")


def test_displays_that_the_value_set_has() -> None:
    """TX-33."""
    tree = listing(display="Ring", designation=[{"language": "nl", "value": "Cirkel"}])
    for display, language in (("Ring", ""), ("Circle", ""), ("cirkel", "nl")):
        asked = {"url": tree["url"], "system": SHAPES, "code": "circle", "display": display}
        assert in_value_set(here(tree), **asked, languages=language).result
    found = in_value_set(
        here(tree), url=tree["url"], system=SHAPES, code="circle", display="Cirkel", displayLanguage="en"
    )
    assert not found.result
    assert not in_value_set(here(), valueSet=listing(), system=SHAPES, code="circle", display="Ring").result


def test_the_language_of_the_value_set_counts_last() -> None:
    """TX-40: ValueSet.language where nobody else says one; the value set's own parameter before it."""
    tree = listing()
    asked = {"system": SHAPES, "code": "circle", "display": "Kreis"}
    assert not in_value_set(here(), valueSet=tree, **asked).result
    assert in_value_set(here(), valueSet=tree, **asked, languages="de").result
    parts = [{"url": "name", "valueCode": "displayLanguage"}, {"url": "value", "valueCode": "de"}]
    url = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
    tree["compose"]["extension"] = [{"url": url, "extension": parts}]
    assert in_value_set(here(), valueSet=tree, **asked).result


def test_supplements_bring_displays_where_they_are_asked_for() -> None:
    """TX-41."""
    url = "http://example.org/more"
    concept = {"code": "circle", "designation": [{"language": "nl", "value": "Cirkel"}]}
    more = code_system(url, concept, content="supplement", supplements=SHAPES)
    asked = {"system": SHAPES, "code": "circle", "display": "Cirkel"}
    tree = value_set("wanting", {"system": SHAPES})
    assert not in_value_set(here(tree, more), url=tree["url"], **asked).result
    assert in_value_set(here(tree, more), url=tree["url"], **asked, useSupplement=url).result
    assert in_code_system(here(more), url=SHAPES, code="circle", display="Cirkel", useSupplement=url).result
    extension = {"url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement", "valueCanonical": url}
    wanting = {**tree, "extension": [extension]}
    found = in_value_set(here(wanting, more), url=tree["url"], **asked, displayLanguage="nl")
    assert found.result
    assert found.values["display"] == "Cirkel"


def test_designations_of_an_include() -> None:
    withdrawn = {"url": STATUS, "valueCode": "withdrawn"}
    entry = {"display": "Ring", "designation": [{"value": "Reif", "language": "de", "extension": [withdrawn]}]}
    assert displays.of_include(entry, "en") == [
        Designation("Ring", "en"),
        Designation("Reif", "de", extension=(withdrawn,)),
    ]
    assert displays.of_include({}, "en") == []
    ring = displays.of_include(entry, "en")
    assert checked("reif", more=ring) == ("warning", "INACTIVE_DISPLAY_FOUND")
    assert f"{SETS}" not in checked("ring", more=ring)
