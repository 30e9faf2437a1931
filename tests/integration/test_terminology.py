"""The terminology operations over HTTP: type and instance level, GET and POST, JSON and XML, in a batch; what is refused.

https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import pytest

from resources import definitions, exact, fhir_xml
from resources.validation.validator import Validator

COLOURS = "http://example.org/colours"
WARM = "http://example.org/warm"
MAP = "http://example.org/map"
CODE_SYSTEM: dict[str, Any] = {
    "resourceType": "CodeSystem", "id": "colours", "url": COLOURS, "version": "1", "status": "active",
    "content": "complete", "hierarchyMeaning": "is-a", "caseSensitive": True,
    "property": [{"code": "wave", "type": "string"}],
    "concept": [
        {"code": "warm", "display": "Warm", "concept": [
            {"code": "red", "display": "Red", "property": [{"code": "wave", "valueString": "650"}],
             "designation": [{"language": "de", "value": "Rot"}]},
            {"code": "yellow", "display": "Yellow"},
        ]},
        {"code": "cold", "display": "Cold"},
    ],
}  # fmt: skip
VALUE_SET: dict[str, Any] = {
    "resourceType": "ValueSet", "id": "warm", "url": WARM, "version": "1", "status": "active",
    "compose": {"include": [{"system": COLOURS, "filter": [{"property": "concept", "op": "is-a", "value": "warm"}]}]},
}  # fmt: skip
CONCEPT_MAP: dict[str, Any] = {
    "resourceType": "ConceptMap", "id": "map", "url": MAP, "status": "active", "sourceUri": WARM, "targetUri": WARM,
    "group": [{
        "source": COLOURS, "target": "http://example.org/moods",
        "element": [{"code": "red", "target": [{"code": "angry", "equivalence": "relatedto"}]}],
    }],
}  # fmt: skip


@pytest.fixture
async def stored(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """A tenant with a code system, a value set and a map."""
    for tree in (CODE_SYSTEM, VALUE_SET, CONCEPT_MAP):
        assert (await http.put(f"/{tree['resourceType']}/{tree['id']}", json=tree)).status_code == 201
    return http


class Asked(NamedTuple):
    """An operation by its URL, plain parameters, and what its answer contains."""

    url: str
    values: dict[str, Any]
    expected: str
    type: str = "Parameters"


PLAIN = [
    Asked("/CodeSystem/$lookup", {"system": COLOURS, "code": "red"}, '"Red"'),
    Asked("/CodeSystem/$validate-code", {"url": COLOURS, "code": "red"}, '"name":"result","valueBoolean":true'),
    Asked("/CodeSystem/colours/$validate-code", {"code": "red"}, '"name":"result","valueBoolean":true'),
    Asked("/CodeSystem/colours/$validate-code", {"code": "blue"}, '"name":"result","valueBoolean":false'),
    Asked("/CodeSystem/$subsumes", {"system": COLOURS, "codeA": "warm", "codeB": "red"}, '"subsumes"'),
    Asked("/CodeSystem/colours/$subsumes", {"codeA": "red", "codeB": "warm"}, '"subsumed-by"'),
    Asked("/ValueSet/$expand", {"url": WARM}, '"total":3', "ValueSet"),
    Asked("/ValueSet/$expand", {"url": f"{WARM}|1", "filter": "yel"}, '"total":1', "ValueSet"),
    Asked("/ValueSet/warm/$expand", {"count": 1}, '"total":3', "ValueSet"),
    Asked("/ValueSet/$validate-code", {"url": WARM, "system": COLOURS, "code": "red"}, '"valueBoolean":true'),
    Asked("/ValueSet/warm/$validate-code", {"system": COLOURS, "code": "cold"}, '"valueBoolean":false'),
    Asked("/ValueSet/$related", {"thisUrl": WARM, "otherUrl": WARM}, '"same"'),
    Asked("/ConceptMap/$translate", {"url": MAP, "system": COLOURS, "code": "red"}, '"angry"'),
    Asked("/ConceptMap/map/$translate", {"system": COLOURS, "code": "red"}, '"angry"'),
    Asked("/ConceptMap/$translate", {"system": COLOURS, "code": "yellow"}, '"valueBoolean":false'),
]


def parameters(values: dict[str, Any]) -> dict[str, Any]:
    """Parameters of plain values; url and system are URIs, count a number, a resource is one."""
    uris = {"url", "system", "thisUrl", "otherUrl"}
    codes = {"code", "codeA", "codeB"}

    def parameter(name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return {"name": name, "resource" if "resourceType" in value else "valueCoding": value}
        kind = (
            "Boolean" if isinstance(value, bool)
            else "Integer" if isinstance(value, int)
            else "Uri" if name in uris else "Code" if name in codes else "String"
        )  # fmt: skip
        return {"name": name, f"value{kind}": value}

    listed = [(name, one) for name, value in values.items() for one in (value if isinstance(value, list) else [value])]
    return {"resourceType": "Parameters", "parameter": [parameter(name, value) for name, value in listed]}


def sound(tree: dict[str, Any], resource_type: str) -> dict[str, Any]:
    assert tree["resourceType"] == resource_type
    Validator(definitions.load()).check(resource_type, tree)
    return tree


@pytest.mark.parametrize("asked", PLAIN, ids=lambda one: f"{one.url} {one.values}")
async def test_tx_01_by_get_and_by_post_in_json_and_in_xml(stored: httpx.AsyncClient, asked: Asked) -> None:
    query = urlencode(asked.values)
    answer = await stored.get(f"{asked.url}?{query}")
    assert answer.status_code == 200, answer.text
    assert asked.expected in answer.text
    sound(exact.decode(answer.content), asked.type)
    by_post = await stored.post(asked.url, json=parameters(asked.values))
    assert by_post.status_code == 200, by_post.text
    assert asked.expected in by_post.text
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert asked.expected in (await stored.post(asked.url, content=query, headers=form)).text
    xml = await stored.get(f"{asked.url}?{query}&_format=xml")
    assert xml.headers["content-type"].startswith("application/fhir+xml")
    written = fhir_xml.decode(definitions.load(), xml.content)
    assert _lasting(written) == _lasting(exact.decode(answer.content))


def _lasting(tree: Any) -> Any:
    """Without what differs from answer to answer."""
    if isinstance(tree, dict):
        return {name: _lasting(one) for name, one in tree.items() if name not in ("timestamp", "identifier")}
    return [_lasting(one) for one in tree] if isinstance(tree, list) else tree


async def test_tx_01_find_matches(stored: httpx.AsyncClient) -> None:
    wanted = {
        "name": "property",
        "part": [{"name": "code", "valueCode": "wave"}, {"name": "value", "valueString": "650"}],
    }
    exactly = {"name": "exact", "valueBoolean": True}
    for url, more in (
        ("/CodeSystem/$find-matches", [{"name": "system", "valueUri": COLOURS}]),
        ("/CodeSystem/colours/$find-matches", []),
    ):
        sent = {"resourceType": "Parameters", "parameter": [*more, exactly, wanted]}
        answer = await stored.post(url, json=sent)
        assert answer.status_code == 200, answer.text
        assert '"red"' in answer.text
        assert (await stored.get(url)).status_code == 400  # its parts are no plain values


async def test_tx_07_a_batch_of_codes(stored: httpx.AsyncClient) -> None:
    one = {"name": "validation", "resource": parameters({"system": COLOURS, "code": "red"})}
    other = {"name": "validation", "resource": parameters({"system": COLOURS, "code": "cold"})}
    url = {"name": "url", "valueUri": WARM}
    answer = await stored.post(
        "/ValueSet/$batch-validate-code", json={"resourceType": "Parameters", "parameter": [url, one, other]}
    )
    assert answer.status_code == 200, answer.text
    told = sound(answer.json(), "Parameters")["parameter"]
    assert [item["name"] for item in told] == ["validation", "validation"]
    results = [next(p["valueBoolean"] for p in item["resource"]["parameter"] if p["name"] == "result") for item in told]
    assert results == [True, False]


async def test_tx_07_in_a_bundle(stored: httpx.AsyncClient) -> None:
    gets = [{"request": {"method": "GET", "url": f"{one.url[1:]}?{urlencode(one.values)}"}} for one in PLAIN]
    posts = [{"request": {"method": "POST", "url": one.url[1:]}, "resource": parameters(one.values)} for one in PLAIN]
    bad = {"request": {"method": "GET", "url": "CodeSystem/$lookup?system=http://example.org/none&code=x"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [*gets, bad, *posts]}
    answer = await stored.post("", json=bundle)
    assert answer.status_code == 200
    entries = answer.json()["entry"]
    wanted = [*PLAIN, None, *PLAIN]
    for entry, asked in zip(entries, wanted, strict=True):
        assert entry["response"]["status"][:3] == ("404" if asked is None else "200")
        if asked is not None:
            assert asked.expected in exact.encode(entry["resource"]).decode()


BAD = [
    ("/CodeSystem/$lookup", 400),
    ("/CodeSystem/$lookup?system=http://example.org/none&code=x", 404),
    (f"/CodeSystem/$lookup?system={COLOURS}&code=green", 404),
    (f"/CodeSystem/$lookup?system={COLOURS}&code=red&nonsense=1", 400),
    (f"/CodeSystem/$lookup?system={COLOURS}&code=red&code=cold", 400),
    (f"/CodeSystem/$lookup?system={COLOURS}&code=red&tx-resource=x", 400),
    (f"/CodeSystem/$lookup?system={COLOURS}&version=9&code=red", 404),
    ("/CodeSystem/colours/$lookup?code=red", 404),
    ("/CodeSystem/none/$validate-code?code=red", 404),
    (f"/CodeSystem/colours/$validate-code?code=red&url={COLOURS}", 400),
    (f"/CodeSystem/$subsumes?system={COLOURS}&codeA=red", 400),
    (f"/CodeSystem/$subsumes?system={COLOURS}&codeA=red&codeB=green", 404),
    ("/ValueSet/$expand", 400),
    ("/ValueSet/$expand?url=http://example.org/none", 404),
    (f"/ValueSet/$expand?url={WARM}|9", 404),
    (f"/ValueSet/$expand?url={WARM}&count=-1", 400),
    (f"/ValueSet/$expand?url={WARM}&count=many", 400),
    (f"/ValueSet/$expand?url={WARM}&count=99999999999999999999", 400),
    (f"/ValueSet/$expand?url={WARM}&offset=-5", 400),
    (f"/ValueSet/$expand?url={WARM}&valueSet=x", 400),
    (f"/ValueSet/$expand?url={WARM}&system-version={COLOURS}", 400),
    (f"/ValueSet/$expand?url={WARM}&check-system-version={COLOURS}|9", 404),
    (f"/ValueSet/$expand?url={WARM}&useSupplement=http://example.org/none", 404),
    (f"/ValueSet/$expand?url={WARM}&date=yesterday", 400),
    ("/ValueSet/warm/$expand?url=http://example.org/other", 400),
    ("/ValueSet/$expand?url=http://snomed.info/sct?fhir_vs=nonsense/1", 400),
    (f"/ValueSet/$validate-code?url={WARM}", 400),
    ("/ValueSet/$validate-code?url=http://example.org/none&code=x&system=y", 404),
    (f"/ValueSet/$validate-code?url={WARM}&code=red&system={COLOURS}&mode=nonsense", 400),
    (f"/ConceptMap/$translate?url={MAP}", 400),
    ("/ConceptMap/$translate?url=http://example.org/none&system=a&code=b", 404),
    ("/ValueSet/$related?thisUrl=http://example.org/none&otherUrl=http://example.org/none", 404),
    ("/ValueSet/$related", 400),
    ("/$closure?name=x", 405),
    ("/metadata?mode=nonsense", 400),
    ("/ValueSet/$lookup?system=a&code=b", 404),
]


@pytest.mark.parametrize(("url", "status"), BAD, ids=lambda one: str(one)[:80])
async def test_what_is_wrong_is_an_operation_outcome(stored: httpx.AsyncClient, url: str, status: int) -> None:
    path, _, query = url.partition("?")
    values = [pair.partition("=")[::2] for pair in query.split("&")] if query else []
    answer = await stored.get(f"{path}?{'&'.join(f'{name}={quote(value)}' for name, value in values)}")
    assert answer.status_code // 100 == 4, answer.text
    assert answer.status_code == status, answer.text
    outcome = sound(answer.json(), "OperationOutcome")
    for issue in outcome["issue"]:
        assert issue["severity"] in ("error", "fatal")
        assert issue.get("diagnostics") or issue["details"]["text"]


async def test_a_value_set_that_is_deleted_is_gone(stored: httpx.AsyncClient) -> None:
    await stored.delete("/ValueSet/warm")
    assert (await stored.get("/ValueSet/warm/$expand")).status_code == 410


async def test_a_stored_value_set_is_expanded_with_what_it_contains(http: httpx.AsyncClient) -> None:
    """TX-10: `#inner` names a contained value set."""
    inner = {
        "resourceType": "ValueSet",
        "id": "inner",
        "status": "active",
        "compose": {"include": [{"system": COLOURS, "concept": [{"code": "red"}]}]},
    }
    outer = {**VALUE_SET, "contained": [inner], "compose": {"include": [{"valueSet": ["#inner"]}]}}
    assert (await http.put("/CodeSystem/colours", json=CODE_SYSTEM)).status_code == 201
    assert (await http.put("/ValueSet/warm", json=outer)).status_code == 201
    for url in ("/ValueSet/warm/$expand", f"/ValueSet/$expand?url={WARM}"):
        answer = await http.get(url)
        assert [one["code"] for one in answer.json()["expansion"]["contains"]] == ["red"], answer.text
        assert (
            await http.get(
                url.replace("$expand", "$validate-code")
                + ("&" if "?" in url else "?")
                + urlencode({"system": COLOURS, "code": "red"})
            )
        ).json()["parameter"]


async def test_the_value_set_of_a_code_system_has_no_empty_elements(http: httpx.AsyncClient) -> None:
    """TX-24: CodeSystem.valueSet is all of its codes, without a resource that says so."""
    named = {**CODE_SYSTEM, "valueSet": "http://example.org/all"}
    assert (await http.put("/CodeSystem/colours", json=named)).status_code == 201
    answer = await http.get("/ValueSet/$expand?url=http://example.org/all&includeDefinition=true")
    assert answer.status_code == 200
    assert sound(exact.decode(answer.content), "ValueSet")["expansion"]["total"] == 4
    official = await http.get("/ValueSet/$expand?url=http://terminology.hl7.org/ValueSet/surface&count=1")
    sound(exact.decode(official.content), "ValueSet")


async def test_a_client_may_ask_for_a_lower_limit(stored: httpx.AsyncClient) -> None:
    """TX-16: X-Too-Costly-Threshold"""
    url = f"/ValueSet/$expand?url={WARM}"
    for threshold, status in (("2", 422), ("3", 200), ("0", 422), ("nonsense", 200), ("9" * 50, 200), ("²", 200)):
        answer = await stored.get(url, headers=[(b"x-too-costly-threshold", threshold.encode())])
        assert answer.status_code == status, threshold
        if status == 422:
            assert answer.json()["issue"][0]["code"] == "too-costly"
    assert (await stored.get(f"{url}&count=1", headers={"x-too-costly-threshold": "2"})).status_code == 200


async def test_tx_40_a_display_in_the_language_that_is_asked_for(stored: httpx.AsyncClient) -> None:
    url = f"/CodeSystem/$lookup?system={COLOURS}&code=red"
    assert '"Rot"' in (await stored.get(f"{url}&displayLanguage=de")).text
    expanded = await stored.get(f"/ValueSet/$expand?url={WARM}", headers={"accept-language": "de"})
    assert "Rot" in expanded.text


async def test_works_out_of_the_box(http: httpx.AsyncClient) -> None:
    """TX-125: R4's own, HL7's, UCUM."""
    for url, expected in (
        ("/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male", "Male"),
        ("/CodeSystem/$lookup?system=http://terminology.hl7.org/CodeSystem/v3-ActCode&code=AMB", "ambulatory"),
        ("/CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mg/dL", '"valueBoolean":true'),
        ("/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", '"total":4'),
        ("/CodeSystem/$validate-code?url=urn:ietf:bcp:47&code=de-CH", '"valueBoolean":true'),
    ):
        answer = await http.get(url)
        assert answer.status_code == 200, answer.text
        assert expected in answer.text


async def test_versions(http: httpx.AsyncClient) -> None:
    """https://hl7.org/fhir/R4/capabilitystatement-operation-versions.html"""
    for url in ("/$versions", "/metadata/$versions"):
        answer = await http.get(url)
        if answer.status_code == 200:
            told = {one["name"]: one["valueCode"] for one in sound(answer.json(), "Parameters")["parameter"]}
            assert told == {"version": "4.0", "default": "4.0"}
    assert (await http.get("/$versions")).status_code == 200
