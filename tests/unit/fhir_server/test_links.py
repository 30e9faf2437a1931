"""Links between the entries of a transaction: TR-5, TR-7, TR-9, TR-10."""

from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.links import (
    Links,
    _remembered,
    conditional,
    element_type,
    may_be_conditional,
    refuse_unresolvable,
)
from resources.definitions import load
from resources.outcome import BadRequest

DEFINITIONS = load()
UUID = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
NEW = "019a0000-0000-7000-8000-000000000001"
TARGETS = {UUID: f"Patient/{NEW}", "http://elsewhere.org/fhir/Patient/1": "Patient/1", "urn:oid:1.2.3": "Group/g"}
LINKS = Links(DEFINITIONS, TARGETS, frozenset({f"Patient/{NEW}"}))


def rewritten(tree: dict[str, Any], full_url: str = "") -> dict[str, Any]:
    assert LINKS.rewrite(tree, full_url) == []
    return tree


@pytest.mark.parametrize(
    ("reference", "becomes"),
    [
        (UUID, f"Patient/{NEW}"),
        (UUID.upper().replace("URN:UUID", "urn:uuid"), f"Patient/{NEW}"),
        (UUID.upper(), f"Patient/{NEW}"),
        (f"{UUID}#part", f"Patient/{NEW}#part"),
        ("http://elsewhere.org/fhir/Patient/1", "Patient/1"),
        ("urn:oid:1.2.3", "Group/g"),
        ("http://elsewhere.org/fhir/Patient/2", "http://elsewhere.org/fhir/Patient/2"),
        ("Patient/1", "Patient/1"),
        ("#contained", "#contained"),
        ("#", "#"),
    ],
)
def test_tr_5_references_are_rewritten(reference: str, becomes: str) -> None:
    tree = rewritten({"resourceType": "Observation", "subject": {"reference": reference}})
    assert tree["subject"]["reference"] == becomes


def test_tr_7_a_relative_reference_is_resolved_against_the_root_of_the_full_url() -> None:
    links = Links(DEFINITIONS, {"http://elsewhere.org/fhir/Patient/1": f"Patient/{NEW}"}, frozenset())
    tree = {"resourceType": "Observation", "subject": {"reference": "Patient/1"}}
    links.rewrite(tree, "http://elsewhere.org/fhir/Observation/o")
    assert tree["subject"] == {"reference": f"Patient/{NEW}"}


def test_tr_7_a_version_becomes_the_new_version() -> None:
    created: dict[str, Any] = {"resourceType": "Observation", "subject": {"reference": f"{UUID}/_history/4"}}
    assert LINKS.rewrite(created, "") == []
    assert created["subject"]["reference"] == f"Patient/{NEW}/_history/1"
    updated: dict[str, Any] = {
        "resourceType": "Observation",
        "subject": {"reference": "http://elsewhere.org/fhir/Patient/1/_history/4#part"},
    }
    [pending] = LINKS.rewrite(updated, "")
    assert (pending.target, pending.fragment) == ("Patient/1", "#part")
    assert pending.node is updated["subject"]


def test_tr_5_uri_url_and_uuid_elements_and_narratives_are_rewritten_but_canonicals_and_strings_are_not() -> None:
    tree = rewritten(
        {
            "resourceType": "Patient",
            "text": {"status": "generated", "div": f"<div><a href=\"{UUID}\">a</a><img src='{UUID}#x'/> {UUID}</div>"},
            "meta": {"profile": [UUID], "source": UUID},
            "photo": [{"url": UUID, "title": UUID}],
            "implicitRules": UUID,
            "extension": [
                {"url": "http://x.org", "valueUri": UUID},
                {"url": "http://x.org", "valueUuid": UUID},
                {"url": "http://x.org", "valueCanonical": UUID},
                {"url": "http://x.org", "valueString": UUID},
                {"url": "http://x.org", "valueReference": {"reference": UUID}},
            ],
            "_birthDate": {"extension": [{"url": "http://x.org", "valueUrl": f"{UUID}#f"}]},
        }
    )
    there = f"Patient/{NEW}"
    assert tree["text"]["div"] == f"<div><a href=\"{there}\">a</a><img src='{there}#x'/> {UUID}</div>"
    assert tree["meta"] == {"profile": [UUID], "source": there}
    assert tree["photo"] == [{"url": there, "title": UUID}]
    assert tree["implicitRules"] == there
    values = [next(v for k, v in extension.items() if k.startswith("value")) for extension in tree["extension"]]
    assert values == [there, f"urn:uuid:{NEW}", UUID, UUID, {"reference": there}]
    assert tree["_birthDate"]["extension"][0]["valueUrl"] == f"{there}#f"


def test_tr_5_lists_of_uris_and_contained_resources_are_rewritten() -> None:
    tree = rewritten(
        {
            "resourceType": "CarePlan",
            "instantiatesUri": [UUID, "http://x.org"],
            "instantiatesCanonical": [UUID],
            "contained": [{"resourceType": "Observation", "id": "o", "subject": {"reference": UUID}}],
        }
    )
    assert tree["instantiatesUri"] == [f"Patient/{NEW}", "http://x.org"]
    assert tree["instantiatesCanonical"] == [UUID]
    assert tree["contained"][0]["subject"]["reference"] == f"Patient/{NEW}"


def test_tr_9_a_urn_that_no_entry_has_is_refused_where_it_stands() -> None:
    tree = {"resourceType": "Observation", "performer": [{"reference": UUID}, {"reference": "urn:uuid:nobody"}]}
    with pytest.raises(BadRequest) as caught:
        LINKS.rewrite(tree, "")
    assert caught.value.issues[0].expression == ("Observation.performer[1].reference",)


@pytest.mark.parametrize("reference", ["urn:uuid:11111111-1111-4111-8111-111111111111", UUID, "Patient?identifier=1"])
def test_bu_1_a_stored_bundle_keeps_the_links_of_its_entries(reference: str) -> None:
    """It is a document: what it says is neither rewritten nor refused, wherever in a resource it stands."""
    patient = {"resourceType": "Patient", "link": [{"other": {"reference": reference}}], "photo": [{"url": UUID}]}
    stored = {"resourceType": "Bundle", "type": "document", "entry": [{"fullUrl": UUID}, {"resource": patient}]}
    for tree in (stored, {"resourceType": "Parameters", "parameter": [{"name": "b", "resource": stored}]}):
        refuse_unresolvable(str(tree["resourceType"]), tree, {UUID})
        rewritten(tree)
    assert patient["link"] == [{"other": {"reference": reference}}]
    assert patient["photo"] == [{"url": UUID}]


def test_tr_5_what_a_stored_bundle_says_of_itself_is_rewritten() -> None:
    tree: dict[str, Any] = {"resourceType": "Bundle", "signature": {"who": {"reference": UUID}}}
    assert rewritten(tree)["signature"]["who"] == {"reference": f"Patient/{NEW}"}
    with pytest.raises(BadRequest):
        refuse_unresolvable("Bundle", {"resourceType": "Bundle", "signature": {"who": {"reference": "Patient?a=1"}}})


def test_entries_of_anything_but_a_bundle_hold_references_like_others() -> None:
    tree: dict[str, Any] = {"resourceType": "List", "entry": [{"item": {"reference": UUID}}]}
    assert rewritten(tree)["entry"][0]["item"] == {"reference": f"Patient/{NEW}"}


def test_tr_10_conditional_references_wait() -> None:
    tree: dict[str, Any] = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient?identifier=a|1&active=true"},
    }
    [pending] = LINKS.rewrite(tree, "")
    assert (pending.resource_type, pending.query) == ("Patient", "identifier=a|1&active=true")


@pytest.mark.parametrize(
    "reference", ["Patient/1?x=1", "http://x.org/Patient?x=1", "patient?x=1", "#a?b", "?x=1", "Nobody?x=1"]
)
def test_tr_10_what_looks_alike_is_no_conditional_reference(reference: str) -> None:
    assert LINKS.rewrite({"resourceType": "Observation", "subject": {"reference": reference}}, "") == []


def test_tr_10_a_conditional_reference_in_a_plain_write_is_refused_where_it_stands() -> None:
    text = b'{"resourceType":"Observation","subject":{"reference" : "Patient?identifier=1"}}'
    assert may_be_conditional(text)
    with pytest.raises(BadRequest) as caught:
        refuse_unresolvable(
            "Observation", {"resourceType": "Observation", "subject": {"reference": "Patient?identifier=1"}}
        )
    assert caught.value.issues[0].expression == ("Observation.subject.reference",)
    refuse_unresolvable("Observation", {"resourceType": "Observation", "subject": {"reference": UUID}})


@pytest.mark.parametrize(
    "text",
    [
        rb'{"reference":"Patient\u003fidentifier=1"}',
        rb'{"reference":"Patient\u003Fidentifier=1"}',
        rb'{"reference":"\u0050atient?identifier=1"}',
        rb'{"reference":"P\u0061tient?identifier=1"}',
        rb'{"referenc\u0065":"Patient?identifier=1"}',
    ],
)
def test_tr_10_an_escape_hides_no_conditional_reference(text: bytes) -> None:
    assert may_be_conditional(text)


def test_tr_10_other_escapes_cost_no_walk() -> None:
    assert not may_be_conditional(
        rb'{"div":"\u003cdiv\u003e \u0026 \u0027","family":"M\u00fcller \u674e","reference":"Patient/1"}'
    )


def test_ba_2_a_link_to_another_entry_of_a_batch_is_refused() -> None:
    observation = {"subject": {"reference": UUID.upper()}}
    with pytest.raises(BadRequest):
        refuse_unresolvable("Observation", observation, {UUID})
    refuse_unresolvable("Observation", observation, {UUID}, own=UUID)


class Looked(dict[str, str]):
    """Targets that count how often all of them were gone through."""

    times = 0

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return super().__iter__()


def test_the_targets_are_not_gone_through_for_every_entry() -> None:
    """Or else the time would grow with the square of the Bundle's size."""
    targets = Looked(TARGETS)
    links = Links(DEFINITIONS, targets, frozenset())
    for _ in range(10):
        links.rewrite({"resourceType": "Observation", "subject": {"reference": UUID}}, "")
    assert targets.times <= 1


def test_a_conditional_reference_is_type_and_query() -> None:
    assert conditional("Patient?a=b?c") == ("Patient", "a=b?c")
    assert conditional("Patient/1") is None


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("Patient.photo.url", "url"),
        ("Patient.contact.name.family", "string"),
        ("Observation.valueQuantity.system", "uri"),
        ("Observation.component.valueString", "string"),
        ("Observation.component.referenceRange.low.system", "uri"),
        ("ValueSet.compose.exclude.system", "uri"),
        ("Timing.repeat.boundsPeriod.start", "dateTime"),
        ("Patient._birthDate.extension.valueUrl", "url"),
        ("Patient.nothing.url", ""),
        ("Nothing.url", ""),
    ],
)
def test_the_type_of_an_element_by_its_json_path(path: str, code: str) -> None:
    assert element_type(DEFINITIONS, tuple(path.split("."))) == code


def test_names_of_any_length_are_looked_up_but_not_remembered() -> None:
    """They are the client's, and not validated yet."""
    before = _remembered.cache_info().currsize
    for path in (("Patient", "x" * 65), ("Patient", *["contact"] * 16), ("Patient", *[""] * 10_000)):
        assert element_type(DEFINITIONS, path) == ""
    item = ("Questionnaire", *["item"] * 20, "definition")
    assert element_type(DEFINITIONS, item) == "uri"
    assert _remembered.cache_info().currsize == before


@pytest.mark.parametrize(
    "tree",
    [
        {"resourceType": 1, "a": [[1, {"reference": 2}], None, "http://x", True]},
        {"resourceType": "Bundle", "entry": [1, {"fullUrl": 2}, {}]},
        {"resourceType": "Bundle", "entry": "x"},
        {"text": {"div": 5}},
        {},
    ],
)
def test_a_resource_of_any_shape_is_walked(tree: dict[str, Any]) -> None:
    assert LINKS.rewrite(tree, "http://elsewhere.org/fhir/Patient/1") == []
