"""What may stand where: made of the definitions, for every type there is, and kept within bounds."""

from __future__ import annotations

from resources import definitions
from resources.definitions import SearchParameter
from resources.fhir_xml.grammar import BESIDE, FHIR, RESOURCE, XHTML, grammar

R4 = definitions.load()
PATHS = sorted({path for name in R4.structures for path in R4.structures[name].children})


def test_every_object_of_r4_has_a_grammar_and_all_of_them_are_kept() -> None:
    grammar.cache_clear()
    for path in PATHS:
        known = grammar(R4.structures, path)
        assert all(child.order >= 0 for child in known.fields.values())
        assert set(known.fields) < set(known.order)
    for path in PATHS:
        grammar(R4.structures, path)
    kept = grammar.cache_info()
    assert (kept.hits, kept.misses) == (len(PATHS), len(PATHS))
    assert kept.maxsize
    assert len(PATHS) < kept.maxsize / 2


def test_a_tenants_own_definitions_use_the_same() -> None:
    own = SearchParameter("http://x.org/p", "p", "string", ("Patient",), "Patient.name", (), (), (), "")
    assert grammar(R4.with_parameters([own]).structures, "Patient") is grammar(R4.structures, "Patient")


def test_attributes_and_elements() -> None:
    assert grammar(R4.structures, "Patient").attributes == ()
    assert grammar(R4.structures, "Patient.contact").attributes == ("id",)
    assert grammar(R4.structures, "Extension").attributes == ("id", "url")
    assert grammar(R4.structures, "ValueSet.compose.include.concept").attributes == ("id",)
    assert f"{FHIR} id" in grammar(R4.structures, "Patient").elements
    assert f"{FHIR} url" in grammar(R4.structures, "ValueSet").elements
    assert f"{XHTML} div" in grammar(R4.structures, "Narrative").elements
    assert not grammar(R4.structures, RESOURCE).elements
    assert set(grammar(R4.structures, BESIDE).fields) == {"extension"}


def test_a_choice_has_one_place_and_many_names() -> None:
    fields = grammar(R4.structures, "Observation").fields
    assert fields["valueQuantity"].order == fields["valueString"].order == fields["_valueString"].order
    assert "_valueQuantity" not in fields
    assert "valueQuantity" in grammar(R4.structures, "Observation").choices["value"]


def test_content_that_repeats_an_element_leads_back_to_it() -> None:
    assert grammar(R4.structures, "Questionnaire.item").fields["item"].below == "Questionnaire.item"
    assert grammar(R4.structures, "Bundle.entry").fields["resource"].below == RESOURCE
