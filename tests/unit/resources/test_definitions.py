"""The definitions are those of R4 4.0.1, all of them: every count of the official package is pinned."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections import Counter

import msgspec
import pytest

from resources import definitions
from resources.definitions import DATA, Structure

R4 = definitions.load()
RESOURCES = [s for s in R4.structures.values() if s.kind in ("resource", "logical")]
TYPES = [s for s in R4.structures.values() if s.kind in ("complex-type", "primitive-type")]


def elements(structures: list[Structure]) -> list[definitions.Element]:
    return [element for structure in structures for element in structure.elements.values()]


def test_types() -> None:
    concrete = {s.name for s in RESOURCES if s.kind == "resource" and not s.abstract}
    assert len(RESOURCES) == 149
    assert len(concrete) == 146
    assert {s.name for s in RESOURCES} - concrete == {"Resource", "DomainResource", "MetadataResource"}
    assert Counter(s.kind for s in TYPES) == {"complex-type": 43, "primitive-type": 20}
    assert list(R4.resource_types) == sorted(concrete)
    assert R4.is_resource_type("Patient")
    assert not any(map(R4.is_resource_type, ("Resource", "DomainResource", "HumanName", "patient", "", "Citation")))


def test_elements() -> None:
    assert len(elements(RESOURCES)) == 7173
    everything = elements(RESOURCES + TYPES)
    assert sum(element.content is not None for element in everything) == 55
    assert sum(element.choice for element in everything) == 186
    assert sum(element.summary for element in elements(RESOURCES)) == 2997
    assert sum(element.modifier for element in elements(RESOURCES)) == 888


def test_required_bindings() -> None:
    bound = [element.binding for element in elements(RESOURCES + TYPES) if element.binding]
    assert len(bound) == 369
    assert len(set(bound)) == 224
    assert len({element.binding for element in elements(RESOURCES) if element.binding}) == 203
    assert {value_set for value_set in bound if R4.codes(value_set) is None} == {
        "http://hl7.org/fhir/ValueSet/mimetypes",  # every MIME type
        "http://hl7.org/fhir/ValueSet/ucum-units",  # every UCUM expression
        "http://loinc.org/vs/LL379-9",  # LOINC's own
    }


def test_codes() -> None:
    assert R4.codes("http://hl7.org/fhir/ValueSet/administrative-gender") == {
        "http://hl7.org/fhir/administrative-gender": {"male", "female", "other", "unknown"}
    }
    assert R4.codes("http://example.org/ValueSet/unknown") is None
    money = R4.codes("http://hl7.org/fhir/ValueSet/currencies")
    assert money
    assert "EUR" in money["urn:iso:std:iso:4217"]
    assert "question" not in R4.codes("http://hl7.org/fhir/ValueSet/item-type")["http://hl7.org/fhir/item-type"]  # type: ignore[index]


def test_codes_without_a_system_have_one_all_the_same() -> None:
    """The system of a `code` follows from its value set, where that has but one."""
    bound = {e.binding for e in elements(RESOURCES + TYPES) if e.binding and "code" in [one.code for one in e.types]}
    assert {value_set.rpartition("/")[2] for value_set in bound if len(R4.codes(value_set) or ()) > 1} == {
        "all-types",  # data types and resource types
        "defined-types",
        "event-timing",  # FHIR's and HL7 v3's
        "task-intent",  # its own and that of requests
    }


def test_invariants() -> None:
    stated = {(c.key, c.severity, c.expression) for e in elements(RESOURCES) for c in e.constraints}
    assert Counter(severity for _, severity, _ in stated) == {"error": 159, "warning": 33}
    assert all(expression for _, _, expression in stated)


def test_search_parameters() -> None:
    parameters = R4.search_parameters
    assert len(parameters) == 1375
    assert Counter(p.type for p in parameters) == {
        "token": 536, "reference": 472, "string": 133, "date": 109, "composite": 46, "uri": 45,
        "quantity": 27, "number": 6, "special": 1,
    }  # fmt: skip
    assert [p.code for p in parameters if p.type == "special"] == ["near"]
    assert sum(len(p.bases) for p in parameters) == 1706
    assert sum(len(p.bases) > 1 for p in parameters) == 37
    general = {p.code for p in parameters if {"Resource", "DomainResource"} & set(p.bases)}
    assert " ".join(sorted(general)) == "_content _id _lastUpdated _profile _query _security _source _tag _text"
    assert {p.code for p in parameters if p.expression is None} == {"_text", "_content", "_query"}
    assert Counter(len(p.components) for p in parameters if p.type == "composite") == {2: 42, 3: 4}
    assert Counter(p.type for p in parameters if p.comparators).total() == 142
    by_url = {p.url for p in parameters}
    assert all(url in by_url for p in parameters for url, _ in p.components)


def test_parameters_of_a_type_include_those_of_its_bases() -> None:
    patient = R4.parameters_of("Patient")
    assert patient["birthdate"].expression == "Patient.birthDate | Person.birthDate | RelatedPerson.birthDate"
    assert {"_id", "_text"} <= set(patient)
    bundle = R4.parameters_of("Bundle")  # a Resource, but no DomainResource
    assert "_id" in bundle
    assert "_text" not in bundle
    # none has two of the same code: 1,706 pairs, of which 8 on Resource and 1 on DomainResource reach every type
    domain = sum(R4.structures[name].base == "DomainResource" for name in R4.resource_types)
    assert sum(len(R4.parameters_of(name)) for name in R4.resource_types) == 1706 - 9 + 8 * 146 + domain
    with pytest.raises(KeyError):
        R4.parameters_of("Nonsense")


def test_operations() -> None:
    assert len(R4.operations) == 46
    expand = next(o for o in R4.operations if o["id"] == "ValueSet-expand")
    assert expand["code"] == "expand"
    assert {"url", "filter", "count"} <= {parameter["name"] for parameter in expand["parameter"]}


def test_compartments() -> None:
    assert {name: len(types) for name, types in R4.compartments.items()} == {
        "Device": 32, "Encounter": 25, "Patient": 66, "Practitioner": 59, "RelatedPerson": 32,
    }  # fmt: skip
    assert R4.compartments["Patient"]["Observation"] == ("subject", "performer")
    assert R4.compartments["Encounter"]["Encounter"] == ("{def}",)
    assert "Organization" not in R4.compartments["Patient"]


def test_numbers_of_types_never_change() -> None:
    """The list is append-only: the first 146 stand in alphabetical order, whatever comes after them."""
    names = (DATA / "type_numbers.txt").read_text().split()
    assert names[:146] == sorted(names[:146])
    assert (R4.type_number("Account"), R4.type_number("VisionPrescription")) == (1, 146)
    assert [R4.type_name(R4.type_number(name)) for name in R4.resource_types] == list(R4.resource_types)


def test_the_file_holds_what_later_floors_need() -> None:
    with zipfile.ZipFile(DATA / "r4.zip") as archive:
        held = {name: len(json.loads(archive.read(name), parse_float=str)) for name in archive.namelist()}
    assert held == {
        "structures.json": 149 + 63,
        "search-parameters.json": 1375,
        "operations.json": 46,
        "compartments.json": 5,
        "profiles.json": 44 + 393,
        "value-sets.json": 672 + 216 + 428,
        "code-systems.json": 495 + 143 + 424,
        "concept-maps.json": 19,
        "codes.json": 224 - 3,
    }
    assert (DATA / "r4.zip").stat().st_size < 2_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak of memory")
def test_loading_is_quick_and_small() -> None:
    """A worker stays far below 200 MB: in a fresh process, all structures and search parameters."""
    program = (
        "import re, time\n"
        "begin = time.perf_counter()\n"
        "from resources import definitions\n"
        "r4 = definitions.load()\n"
        "assert len(list(r4.structures.values())) == 212 and len(r4.search_parameters) == 1375\n"
        "peak = re.search('VmHWM:[^0-9]*([0-9]+) kB', open('/proc/self/status').read())\n"
        "print(time.perf_counter() - begin, int(peak[1]) / 1024)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, run.stdout.split())
    assert seconds < 2  # about 0.1 on an idle machine
    assert megabytes < 80


def test_structures_are_built_once() -> None:
    assert R4.structures["Patient"] is R4.structures["Patient"]
    assert "Nonsense" not in R4.structures
    assert len(R4.structures) == len(list(R4.structures))


def test_a_tenants_own_parameters_are_added_and_all_else_is_shared() -> None:
    [gender] = [one for one in R4.search_parameters if one.code == "gender"]
    mine = msgspec.structs.replace(gender, code="mine", bases=("DomainResource",), number=10_001)
    extended = R4.with_parameters([mine])
    assert extended.parameters_of("Patient")["mine"] is mine
    assert "mine" not in R4.parameters_of("Patient")
    assert "mine" not in extended.parameters_of("Bundle")
    assert extended.parameters_of("Bundle") is R4.parameters_of("Bundle")
    assert extended.structures is R4.structures
    assert extended.own_parameters == (mine,)
    assert extended.with_parameters([]).parameters_of("Patient") is R4.parameters_of("Patient")


def test_types_below_a_base() -> None:
    assert R4.types_below(["Patient", "Nonsense"]) == ("Patient",)
    assert R4.types_below(["Resource"]) == R4.resource_types
    assert set(R4.resource_types) - set(R4.types_below(["DomainResource"])) == {"Binary", "Bundle", "Parameters"}
    assert R4.types_below(["HumanName"]) == ()


def test_code_systems_and_value_sets_by_url() -> None:
    url = "http://hl7.org/fhir/observation-status"
    system = R4.canonical("CodeSystem", url)
    assert system is not None
    assert (system["resourceType"], system["url"]) == ("CodeSystem", url)
    assert "final" in {concept["code"] for concept in system["concept"]}
    value_set = R4.canonical("ValueSet", system["valueSet"])
    assert value_set is not None
    assert value_set["compose"] == {"include": [{"system": url}]}
    assert R4.canonical("ValueSet", url) is None
    assert R4.system_of(system["valueSet"]) == url
    assert R4.system_of(url) is None
    system.clear()
    assert R4.canonical("CodeSystem", url)
