"""`$expand`: what is listed, how it is shown, and what is said of it. TX-10 … TX-27, TX-40."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact
from resources.definitions import load
from resources.outcome import BadRequest, FhirError, NotFound, Unprocessable
from resources.validation.validator import Validator
from terminology.operations.expand import expand

from ..valuesets.test_compose import ALL, BIRDS, SUPPLEMENT, SYSTEM, concept, listed, value_set, whole
from .asked import asked, scope

Tree = dict[str, Any]
EVERYTHING = value_set("everything", whole())
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion"


def expanded(
    tree: Tree, *pairs: tuple[str, Any], others: tuple[Tree, ...] = (), languages: str = "", **named: Any
) -> Tree:
    parameters = asked(("valueSet", tree), *pairs, **named)
    answer = expand(scope(SYSTEM, BIRDS, EVERYTHING, *others), parameters, languages)
    exact.encode(answer)
    return answer


def expansion(tree: Tree, *pairs: tuple[str, Any], **named: Any) -> Tree:
    found: Tree = expanded(tree, *pairs, **named)["expansion"]
    return found


def codes(found: Tree) -> list[Any]:
    """Codes; of one with others below it a pair."""
    return [(one["code"], codes(one)) if "contains" in one else one["code"] for one in found.get("contains", ())]


def said(found: Tree, name: str) -> list[Any]:
    return [
        next(value for key, value in one.items() if key.startswith("value"))
        for one in found["parameter"]
        if one["name"] == name
    ]


def properties(one: Tree) -> dict[str, Any]:
    parts = [
        {part["url"]: next(v for k, v in part.items() if k != "url") for part in extension["extension"]}
        for extension in one.get("extension", ())
        if extension["url"] == f"{R5}.contains.property"
    ]
    return {part["code"]: part["value"] for part in parts}


NESTED = [("animal", [("bird", ["duck", "dodo"])]), ("plant", ["tree"])]


def test_tx_20_what_an_expansion_always_says() -> None:
    answer = expanded({**BIRDS, "title": "Birds", "description": "…", "text": {}})
    assert {name: answer[name] for name in ("resourceType", "url", "version", "status", "title")} == {
        "resourceType": "ValueSet", "url": "urn:birds", "version": "1", "status": "active", "title": "Birds",
    }  # fmt: skip
    assert not {"compose", "description", "text"} & answer.keys()
    found = answer["expansion"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", found["identifier"])
    assert datetime.fromisoformat(found["timestamp"]).tzinfo is not None
    assert found["total"] == 3
    assert said(found, "used-codesystem") == ["urn:animals|1"]
    assert "offset" not in found


def test_tx_20_a_value_set_without_a_status_gets_one() -> None:
    assert expanded({"resourceType": "ValueSet", "compose": {"include": [whole()]}})["status"] == "unknown"


def test_tx_10_the_definition_is_included_on_demand() -> None:
    answer = expanded({**BIRDS, "description": "Feathers", "text": {}}, includeDefinition=True)
    assert answer["compose"] == BIRDS["compose"]
    assert answer["description"] == "Feathers"
    assert "text" not in answer


def test_tx_10_by_url_and_version() -> None:
    some = scope(SYSTEM, BIRDS, {**BIRDS, "version": "2", "compose": {"include": [listed("duck")]}})
    for pairs, total in (
        ((("url", "urn:birds"),), 3),
        ((("url", "urn:birds|2"),), 1),
        ((("url", "urn:birds"), ("valueSetVersion", "2")), 1),
    ):
        assert expand(some, asked(*pairs))["expansion"]["total"] == total
    with pytest.raises(NotFound, match=r"'urn:birds\|3' could not be found"):
        expand(some, asked(("url", "urn:birds|3")))
    with pytest.raises(BadRequest, match="One of url, valueSet and context"):
        expand(some, asked(("count", 1)))


def test_tx_10_the_value_set_of_a_context() -> None:
    url = "http://hl7.org/fhir/ValueSet/observation-status"
    own = {**value_set("x", listed("duck")), "url": url, "version": "4.0.1"}
    observation = "http://hl7.org/fhir/StructureDefinition/Observation"
    bound = asked(("context", f"{observation}#Observation.status"), ("contextDirection", "incoming"))
    answer = expand(scope(SYSTEM, own), bound)
    assert (answer["url"], codes(answer["expansion"])) == (url, ["duck"])
    assert said(answer["expansion"], "context") == [f"{observation}#Observation.status"]
    for context in (observation, f"{observation}#Observation.none", f"{observation}#Observation.subject", "urn:x#y"):
        with pytest.raises(NotFound):
            expand(scope(SYSTEM), asked(("context", context)))
    with pytest.raises(BadRequest, match="contextDirection"):
        expand(scope(SYSTEM), asked(("context", f"{observation}#Observation.status"), ("contextDirection", "up")))


def test_tx_24_hierarchy_where_the_value_set_has_that_of_its_system() -> None:
    assert codes(expansion(EVERYTHING)) == NESTED
    assert codes(expansion(EVERYTHING, excludeNested=False)) == NESTED
    assert codes(expansion(BIRDS)) == [("bird", ["duck", "dodo"])]
    assert expansion(EVERYTHING)["total"] == 6


@pytest.mark.parametrize(
    ("tree", "named"),
    [
        (EVERYTHING, {"excludeNested": True}),
        (EVERYTHING, {"count": 10}),
        (EVERYTHING, {"offset": 0}),
        (value_set("x", {"valueSet": ["urn:everything"]}), {}),
        (value_set("x", listed(*ALL)), {}),
        (value_set("x", whole(), exclude=(listed("unicorn"),)), {}),
    ],
)
def test_tx_24_flat_where_it_is_paged_listed_or_put_together(tree: Tree, named: Tree) -> None:
    assert codes(expansion(tree, **named)) == ALL


def test_tx_24_what_hangs_below_nothing_comes_up() -> None:
    inner = value_set("x", whole(filter=[{"property": "code", "op": "not-in", "value": "bird"}]))
    assert codes(expansion(inner)) == [("animal", ["duck", "dodo"]), ("plant", ["tree"])]


def test_tx_24_a_concept_with_two_parents_is_there_once() -> None:
    child: Tree = {**concept("child"), "property": [{"code": "parent", "valueCode": "two"}]}
    tops = {**SYSTEM, "url": "urn:two", "concept": [concept("one", child), concept("two")]}
    tops["property"] = [{"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}]
    found = expansion(value_set("x", {"system": "urn:two"}), others=(tops,))
    assert exact.encode(found).count(b'"child"') == 1
    assert found["total"] == 3


def test_a_hierarchy_without_end_is_answered() -> None:
    deep = concept("c0")
    for level in range(1, 200):
        deep = concept(f"c{level}", deep)
    found = expansion(
        value_set("x", {"system": "urn:deep"}), others=({**SYSTEM, "url": "urn:deep", "concept": [deep]},)
    )
    assert exact.encode(found).count(b'"code"') == found["total"] == 200


@given(st.integers(0, 8), st.one_of(st.none(), st.integers(0, 8)))
def test_tx_21_a_page_is_a_slice_of_all(offset: int, count: int | None) -> None:
    named = {"offset": offset} if count is None else {"offset": offset, "count": count}
    found = expansion(EVERYTHING, **named)
    assert codes(found) == ALL[offset:][:count]
    assert (found["total"], found["offset"]) == (6, offset)
    assert said(found, "count") == ([] if count is None else [count])


def test_tx_21_a_count_of_none_gives_the_total() -> None:
    found = expansion(EVERYTHING, count=0)
    assert found["total"] == 6
    assert "contains" not in found


@pytest.mark.parametrize("name", ["count", "offset"])
def test_tx_21_less_than_none_is_an_error(name: str) -> None:
    with pytest.raises(BadRequest, match=f"{name} is 0 or more, not -1"):
        expansion(EVERYTHING, (name, -1))


def test_tx_22_too_much_without_a_count() -> None:
    some = scope(SYSTEM)
    with pytest.raises(Unprocessable, match="has 6 codes, too many") as error:
        expand(some, asked(("valueSet", EVERYTHING)), most=5)
    [issue] = error.value.issues
    assert (issue.code, issue.message_id) == ("too-costly", "VALUESET_TOO_COSTLY")
    with pytest.raises(Unprocessable):
        expand(some, asked(("valueSet", EVERYTHING), ("offset", 0)), most=5)
    for pairs, rows in (((("count", 2),), 2), ((("count", 6),), 5), ((("offset", 1),), 5), ((("filter", "d"),), 2)):
        found = expand(some, asked(("valueSet", EVERYTHING), *pairs), most=5)["expansion"]
        assert len(found["contains"]) == rows


def test_tx_25_inactive_concepts_are_marked_or_left_out() -> None:
    found = expansion(BIRDS, excludeNested=True)
    [dodo] = [one for one in found["contains"] if one["code"] == "dodo"]
    assert dodo["inactive"] is True
    assert properties(dodo) == {"status": "retired"}
    assert {"url": f"{R5}.property", "extension": [
        {"url": "code", "valueCode": "status"}, {"url": "uri", "valueUri": "http://hl7.org/fhir/concept-properties#status"},
    ]} in found["extension"]  # fmt: skip
    active = expansion(BIRDS, activeOnly=True)
    assert codes(active) == [("bird", ["duck"])]
    assert active["total"] == 2
    assert said(active, "activeOnly") == [True]


ABSTRACT = {
    **SYSTEM,
    "property": [
        {"code": "notSelectable", "uri": "http://hl7.org/fhir/concept-properties#notSelectable", "type": "boolean"}
    ],
    "url": "urn:abstract",
    "concept": [{**concept("top", concept("below")), "property": [{"code": "notSelectable", "valueBoolean": True}]}],
}


def test_tx_24_abstract_concepts_are_nodes_or_left_out() -> None:
    tree = value_set("x", {"system": "urn:abstract"})
    found = expansion(tree, others=(ABSTRACT,))
    assert codes(found) == [("top", ["below"])]
    assert found["contains"][0]["abstract"] is True
    assert codes(expansion(tree, others=(ABSTRACT,), excludeNotForUI=True)) == ["below"]


def test_tx_10_a_system_can_be_left_out() -> None:
    tree = value_set("x", listed("duck"), {"system": "urn:abstract"})
    assert codes(expansion(tree, ("exclude-system", "urn:abstract|1"), others=(ABSTRACT,))) == ["duck"]
    assert len(codes(expansion(tree, ("exclude-system", "urn:abstract|2"), others=(ABSTRACT,)))) == 3


GERMAN: Tree = {
    **SYSTEM,
    "url": "urn:german",
    "language": "en",
    "concept": [
        {
            "code": "duck",
            "display": "duck",
            "definition": "It quacks.",
            "designation": [
                {"language": "de", "value": "Ente"},
                {"language": "de-CH", "value": "Änte"},
                {"value": "quacker", "use": {"system": "urn:use", "code": "slang"}},
            ],
        },
        {"code": "goose", "display": "goose"},
    ],
}
DUCKS = value_set("ducks", {"system": "urn:german"})


def test_tx_27_words_in_any_order_case_and_accents_folded() -> None:
    terms = ["acute severe asthma", "Asthma, acute-on-chronic", "Ästhma", "chronic"]
    some = {**SYSTEM, "url": "urn:t", "concept": [{"code": f"t{n}", "display": term} for n, term in enumerate(terms)]}
    tree = value_set("x", {"system": "urn:t"})

    def found(text: str, **named: Any) -> tuple[int, set[str]]:
        answer = expansion(tree, ("filter", text), others=(some,), **named)
        return answer["total"], set(codes(answer))

    assert found("acut ast") == (2, {"t0", "t1"})
    assert found("ASTHMA") == (3, {"t0", "t1", "t2"})
    assert found("chronic")[0] == 2
    assert found("none") == (0, set())
    total, first = found("asthma", count=1)
    assert (total, first) == (3, {"t2"})


def test_tx_27_text_in_several_systems_and_lists() -> None:
    here = {"system": "urn:none", "concept": [{"code": "u", "display": "duck-billed"}, {"code": "v", "display": "Not"}]}
    own = {"system": "urn:german", "concept": [{"code": "goose", "display": "almost a duck"}, {"code": "duck"}]}
    tree = value_set("x", whole(), own, here)
    found = expansion(tree, ("filter", "duck"), others=(GERMAN,))
    assert found["total"] == 4
    assert [(one["system"], one["code"]) for one in found["contains"]][2:] == [
        ("urn:none", "u"),
        ("urn:german", "goose"),
    ]
    second = expansion(tree, ("filter", "duck"), others=(GERMAN,), count=1, offset=2)
    assert (second["total"], codes(second)) == (4, ["u"])


def test_tx_27_text_within_a_filter_and_without_what_is_inactive() -> None:
    assert codes(expansion(BIRDS, ("filter", "d"))) in (["duck", "dodo"], ["dodo", "duck"])
    assert codes(expansion(BIRDS, ("filter", "d"), activeOnly=True)) == ["duck"]
    assert codes(expansion(BIRDS, ("filter", "tree"))) == []


def test_tx_24_a_grammar_is_not_closed() -> None:
    mass = {"system": "http://unitsofmeasure.org", "concept": [{"code": "mg"}, {"code": "not a unit"}, {"code": "kg"}]}
    assert codes(expansion(value_set("x", mass))) == ["mg", "kg"]
    found = expansion(value_set("x", {"system": "urn:ietf:bcp:47"}))
    marks = {one["url"].rpartition("/")[2] for one in found["extension"]}
    assert marks == {"valueset-unclosed", "valueset-unclosed-reason"}
    assert "total" not in found


def test_tx_20_the_state_of_what_was_used() -> None:
    def warnings(system: Tree, **root: Any) -> list[tuple[str, str]]:
        used = {**SYSTEM, "url": "urn:used", "version": "2", **system}
        found = expansion({**value_set("x", {"system": "urn:used"}), **root}, others=(used,))
        return [(one["name"], one["valueUri"]) for one in found["parameter"] if one["name"].startswith("warning-")]

    def standing(code: str) -> Tree:
        url = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
        return {"extension": [{"url": url, "valueCode": code}]}

    assert warnings({}) == []
    assert warnings({"status": "draft"}) == [("warning-draft", "urn:used|2")]
    assert warnings({"status": "draft"}, status="draft") == []
    assert warnings({"experimental": True}) == [("warning-experimental", "urn:used|2")]
    assert warnings({"experimental": True}, experimental=True) == []
    assert warnings({"status": "retired"}) == [("warning-retired", "urn:used|2")]
    assert warnings(standing("deprecated")) == [("warning-deprecated", "urn:used|2")]
    assert warnings({}, **standing("withdrawn")) == [("warning-withdrawn", "urn:x|1")]


def test_tx_20_what_was_used_is_said() -> None:
    imports = expansion(value_set("x", {"valueSet": ["urn:birds"]}))
    assert said(imports, "used-valueset") == ["urn:birds|1"]
    supplemented = expansion(value_set("x", listed("duck")), ("useSupplement", "urn:more"), others=(SUPPLEMENT,))
    assert said(supplemented, "used-supplement") == ["urn:more|3"]
    unknown = expansion(value_set("x", {"system": "urn:none", "concept": [{"code": "a", "display": "A"}]}))
    assert said(unknown, "warning-unknown-codesystem") == ["urn:none"]
    assert unknown["contains"] == [{"system": "urn:none", "code": "a", "display": "A"}]


def test_tx_12_versions() -> None:
    newer = {**SYSTEM, "version": "2", "concept": [concept("eagle")]}
    tree = value_set("x", whole())
    assert len(codes(expansion(tree, others=(newer,), excludeNested=True))) == 6
    forced = expansion(tree, ("force-system-version", "urn:animals|2"), others=(newer,))
    assert (codes(forced), said(forced, "force-system-version")) == (["eagle"], ["urn:animals|2"])
    with pytest.raises(Unprocessable, match="version-check"):
        expansion(value_set("x", whole(version="1")), ("check-system-version", "urn:animals|2"), others=(newer,))
    both = expansion(value_set("x", whole(version="2"), listed("duck")), others=(newer,))
    assert [(one["code"], one["version"]) for one in both["contains"]] == [("eagle", "2"), ("duck", "1")]


def test_an_expansion_that_is_all_there_is_is_shown_as_it_stands() -> None:
    entry = {"system": "urn:none", "code": "a", "display": "A", "inactive": True, "abstract": True}
    tree = {"resourceType": "ValueSet", "status": "active", "expansion": {"contains": [entry]}}
    assert expansion(tree)["contains"] == [entry]
    assert expansion(tree, activeOnly=True)["total"] == 0


def listing(found: Tree) -> int:
    """How many entries there are, those below others, too."""
    return sum(1 + listing(one) for one in found.get("contains", ()))


SENT = st.fixed_dictionaries(
    {},
    optional={
        "filter": st.text(max_size=5),
        "count": st.integers(0, 9),
        "offset": st.integers(0, 9),
        "activeOnly": st.booleans(),
        "excludeNested": st.booleans(),
        "excludeNotForUI": st.booleans(),
        "excludePostCoordinated": st.booleans(),
        "includeDesignations": st.booleans(),
        "displayLanguage": st.sampled_from(["de", "en-GB, *;q=0", "x-klingon"]),
        "property": st.sampled_from(["*", "legs", "none"]),
        "designation": st.text(max_size=5),
    },
)


@given(SENT, st.sampled_from([EVERYTHING, BIRDS, DUCKS, value_set("x", listed("duck"), {"system": "urn:german"})]))
def test_the_total_counts_what_is_listed(sent: Tree, tree: Tree) -> None:
    try:
        found = expansion(tree, others=(GERMAN,), **sent)
    except FhirError:
        return
    rows = listing(found)
    rest = max(0, found["total"] - sent.get("offset", 0))
    assert rows == min(rest, sent.get("count", rest))


def test_what_is_answered_is_valid_r4() -> None:
    validator = Validator(load())
    for named in ({"includeDesignations": True, "displayLanguage": "de, *;q=0.5"}, {"count": 1}, {"filter": "duck"}):
        answer = expanded(
            value_set("x", whole(), {"system": "urn:german"}), ("property", "*"), others=(GERMAN,), **named
        )
        validator.check("ValueSet", answer)
