"""XML over HTTP: CT-1 to CT-9, mixed with JSON in every way, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from resources import definitions, exact, fhir_xml

R4 = definitions.load()
XML = "application/fhir+xml"
JSON = "application/fhir+json"
NS = 'xmlns="http://hl7.org/fhir"'
AS_XML = {"content-type": XML, "accept": XML}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">a &lt; b&#160;<br/></div>'
OBSERVATION = f"""<?xml version="1.0" encoding="UTF-8"?>
<Observation {NS}>
  <!-- a comment -->
  <text><status value="generated"/>{DIV}</text>
  <contained><Patient><id value="c"/>
    <name><given value="A"/><given id="g"><extension url="http://x.org"><valueCode value="y"/></extension></given></name>
  </Patient></contained>
  <status value="final"/>
  <code><text value="line one&#10;line two"/></code>
  <subject><reference value="#c"/></subject>
  <effectiveDateTime value="2024-02-28T10:00:00+01:00"/>
  <valueQuantity><value value="1.500"/><unit value="m&amp;m"/></valueQuantity>
  <referenceRange><low><value value="0.00"/></low><high><value value="100"/></high></referenceRange>
</Observation>"""


def read(answer: httpx.Response) -> dict[str, Any]:
    """The tree of an answer in XML, whose header must say that it is."""
    assert answer.headers["content-type"] == f"{XML};charset=utf-8", answer.text
    return fhir_xml.decode(R4, answer.content)


def within(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key not in ("id", "meta")}


async def created(http: httpx.AsyncClient, text: str = OBSERVATION) -> str:
    answer = await http.post("/Observation", content=text.encode(), headers=AS_XML)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"].partition("/_history")[0])


async def test_ct_9_what_is_created_in_xml_is_read_in_json_and_goes_back(http: httpx.AsyncClient) -> None:
    sent = fhir_xml.decode(R4, OBSERVATION.encode())
    url = await created(http)
    in_json = await http.get(url, headers={"accept": JSON})
    assert in_json.headers["content-type"] == f"{JSON};charset=utf-8"
    tree = exact.decode(in_json.content)
    assert within(tree) == sent
    assert tree["text"]["div"] == DIV
    in_xml = await http.get(url, headers={"accept": XML})
    assert read(in_xml) == tree
    assert in_xml.headers["etag"] == in_json.headers["etag"] == 'W/"1"'
    again = await http.put(url, content=in_xml.content, headers={"content-type": XML, "accept": JSON})
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')  # identical: no new version
    assert exact.decode(again.content) == tree


async def test_ct_7_digits_survive_xml_postgresql_and_json(http: httpx.AsyncClient) -> None:
    url = await created(http)
    for accept in (JSON, XML):
        text = (await http.get(url, headers={"accept": accept})).text.replace(" ", "").replace('"value":', "value=")
        for number in ("1.500", "0.00", "100"):
            assert f"value={number}" in text.replace('value="', "value=")
    tiny = "0." + "0" * 30 + "10"
    one = await created(http, OBSERVATION.replace("1.500", tiny))
    assert f'<value value="{tiny}"/>' in (await http.get(one, headers={"accept": XML})).text
    large = await created(http, OBSERVATION.replace("1.500", "1.50E+3"))  # PostgreSQL writes exponents out
    assert '<value value="1500"/>' in (await http.get(large, headers={"accept": XML})).text


@pytest.mark.parametrize("name", [XML, "application/xml", "text/xml", "application/xml+fhir", f"{XML}; charset=UTF-8"])
async def test_ct_1_ct_4_every_name_of_xml_is_read_and_answered(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.post("/Patient", content=f"<Patient {NS}/>".encode(), headers={"content-type": name})
    assert answer.status_code == 201
    assert answer.headers["content-type"] == f"{JSON};charset=utf-8"  # Content-Type does not choose the answer
    bare = name.partition(";")[0]
    answer = await http.get(answer.headers["location"], headers={"accept": name})
    shown = bare if "fhir" not in bare else XML
    assert answer.headers["content-type"] == f"{shown};charset=utf-8"
    assert fhir_xml.decode(R4, answer.content)["resourceType"] == "Patient"


@pytest.mark.parametrize(
    ("accept", "query", "answered"),
    [
        (JSON, "?_format=xml", XML),
        (XML, "?_format=json", JSON),
        ("image/png", "?_format=application/fhir+xml", XML),
        ("*/*", "?_format=text/xml", "text/xml"),
        (f"{JSON};q=0.4, {XML};q=0.5", "", XML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", "application/xml"),
        ("*/*", "", JSON),
        (f"{XML};fhirVersion=4.0", "", XML),
    ],
)
async def test_ct_2_ct_3_the_answer_is_in_the_format_that_is_asked_for(
    http: httpx.AsyncClient, accept: str, query: str, answered: str
) -> None:
    for path in ("/metadata", "/Patient", "/Patient/none"):
        answer = await http.get(path + query, headers={"accept": accept})
        assert answer.headers["content-type"] == f"{answered};charset=utf-8"
        decode = fhir_xml.decode(R4, answer.content) if "xml" in answered else exact.decode(answer.content)
        assert decode["resourceType"] in ("CapabilityStatement", "Bundle", "OperationOutcome")


@pytest.mark.parametrize(
    ("accept", "query"),
    [("text/turtle", ""), (f"{XML};fhirVersion=5.0", ""), ("*/*", "?_format=ttl"), (f"{XML};q=0", "")],
)
async def test_ct_2_ct_3_ct_5_other_formats_are_406(http: httpx.AsyncClient, accept: str, query: str) -> None:
    answer = await http.get(f"/Patient{query}", headers={"accept": accept})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (406, "not-supported")


@pytest.mark.parametrize(
    "name",
    [
        "application/fhir+turtle",
        "text/html",
        "application/xhtml+xml",
        f"{XML};charset=utf-16",
        f"{XML};fhirVersion=5.0",
    ],
)
async def test_ct_1_ct_5_other_bodies_are_415(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.post(
        "/Patient", content=f"<Patient {NS}/>".encode(), headers={"content-type": name, "accept": XML}
    )
    assert answer.status_code == 415
    assert read(answer)["issue"][0]["code"] == "not-supported"


async def test_ct_1_a_body_is_what_its_content_type_says(http: httpx.AsyncClient) -> None:
    for name, body in ((XML, b'{"resourceType":"Patient"}'), (JSON, f"<Patient {NS}/>".encode())):
        answer = await http.post("/Patient", content=body, headers={"content-type": name})
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "structure")


async def test_ct_6_pretty_is_many_lines(http: httpx.AsyncClient) -> None:
    url = await created(http)
    plain, pretty = [
        await http.get(url, params={"_pretty": asked}, headers={"accept": XML}) for asked in ("false", "true")
    ]
    assert plain.text.count("\n") < 2
    assert "\n  <status value=" in pretty.text
    assert read(plain) == read(pretty)


async def test_a_search_and_a_history_are_answered_in_xml(http: httpx.AsyncClient) -> None:
    url = await created(http)
    for path in ("/Observation?status=final&_summary=false", f"{url}/_history", "/_history"):
        answer = await http.get(path, headers={"accept": XML})
        bundle = read(answer)
        assert within(bundle["entry"][0]["resource"]) == fhir_xml.decode(R4, OBSERVATION.encode())
        assert bundle == exact.decode((await http.get(path, headers={"accept": JSON})).content) | {
            key: bundle[key] for key in ("id", "meta", "link") if key in bundle
        }
    form = {"content-type": "application/x-www-form-urlencoded", "accept": XML}
    found = read(await http.post("/Observation/_search", content="status=final", headers=form))
    assert len(found["entry"]) == 1
    form["accept"] = "image/png"
    found = read(await http.post("/Observation/_search", content="status=final&_format=xml", headers=form))
    assert len(found["entry"]) == 1
    counted = read(await http.get("/Observation?_summary=count", headers={"accept": XML}))
    assert counted["total"] == 1
    cut = read(await http.get(f"{url}?_elements=status", headers={"accept": XML}))
    assert "effectiveDateTime" not in cut


async def test_errors_are_answered_in_xml_with_place_and_element(http: httpx.AsyncClient) -> None:
    text = f"<Patient {NS}>\n<active value='true'/>\n <nmae><family value='a'/></nmae></Patient>"
    answer = await http.post("/Patient", content=text.encode(), headers=AS_XML)
    [issue] = read(answer)["issue"]
    assert (answer.status_code, issue["code"]) == (400, "structure")
    assert (issue["location"], issue["expression"]) == (["line 3, column 2"], ["Patient.nmae"])
    for text, element in (
        ("<active value='maybe'/>", "Patient.active"),
        ("<extension url='http://x.org'><valueDecimal value='abc'/></extension>", "Patient.extension[0].value"),
        ("<birthDate value='2000-02-30'/>", "Patient.birthDate"),
    ):
        answer = await http.post("/Patient", content=f"<Patient {NS}>{text}</Patient>".encode(), headers=AS_XML)
        assert answer.status_code == 400
        assert [issue["expression"] for issue in read(answer)["issue"]] == [[element]]
    gone = await http.get("/Patient/none", headers={"accept": XML})
    assert (gone.status_code, read(gone)["resourceType"]) == (404, "OperationOutcome")


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_bundle_of_requests_is_sent_and_answered_in_xml(http: httpx.AsyncClient, kind: str) -> None:
    inner = OBSERVATION.partition("?>")[2].replace(f" {NS}", "", 1)
    text = f"""<Bundle {NS}><type value="{kind}"/>
      <entry><fullUrl value="urn:uuid:0b3bdab3-04a6-4a3e-a7a6-8ee3a0b6d1c4"/><resource>{inner}</resource>
        <request><method value="POST"/><url value="Observation"/></request></entry>
      <entry><resource><Patient><id value="p-{kind}"/><active value="true"/></Patient></resource>
        <request><method value="PUT"/><url value="Patient/p-{kind}"/></request></entry>
      <entry><request><method value="GET"/><url value="Patient/p-{kind}"/></request></entry></Bundle>"""
    answer = await http.post("", content=text.encode(), headers={**AS_XML, "prefer": "return=representation"})
    assert answer.status_code == 200, answer.text
    bundle = read(answer)
    assert [entry["response"]["status"][:3] for entry in bundle["entry"]] == ["201", "201", "200"]
    assert bundle["entry"][2]["resource"]["active"] is True
    assert within(bundle["entry"][0]["resource"]) == fhir_xml.decode(R4, OBSERVATION.encode())
    wrong = text.replace('<active value="true"/>', '<aktive value="true"/>')
    refused = await http.post("", content=wrong.encode(), headers=AS_XML)
    assert refused.status_code == 400
    assert read(refused)["issue"][0]["expression"] == ["Bundle.entry[1].resource.aktive"]


ATTACKS = [
    '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><Patient xmlns="http://hl7.org/fhir"><gender value="&c;"/></Patient>',
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"><gender value="&b;"/></Patient>',
    '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><Patient xmlns="http://hl7.org/fhir"/>',
    '<Patient xmlns="http://hl7.org/fhir"><gender value="&b;"/></Patient>',
    '<Patient xmlns="http://hl7.org/fhir/stu3"/>',
    f"<Patient {NS}>" + "<extension url='a'>" * 50_000,
    f'<Patient {NS}><text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div></text></Patient>',
    "<",
]


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: text[:30])
async def test_ct_9_attacks_are_400_and_nothing_is_stored(http: httpx.AsyncClient, text: str) -> None:
    answer = await http.post("/Patient", content=text.encode(), headers=AS_XML)
    assert answer.status_code == 400
    assert len(answer.content) < 2000
    assert read(answer)["issue"][0]["severity"] == "error"
    assert "total" in read(await http.get("/Patient?_total=accurate", headers={"accept": XML}))
    assert read(await http.get("/Patient?_total=accurate", headers={"accept": XML}))["total"] == 0


async def test_encodings_other_than_utf_8_are_400(http: httpx.AsyncClient) -> None:
    text = f'<?xml version="1.0" encoding="%s"?><Patient {NS}/>'
    for body in (
        (text % "utf-16").encode("utf-16"),
        b"\xef\xbb\xbf" + (text % "UTF-8").encode(),
        (text % "ISO-8859-1").encode(),
        (text % "utf-8").replace("<Patient", "<!-- \xe9 --><Patient").encode("latin-1"),
    ):
        answer = await http.post("/Patient", content=body, headers=AS_XML)
        assert (answer.status_code, read(answer)["issue"][0]["code"]) == (400, "structure")


async def test_formats_are_stated(http: httpx.AsyncClient) -> None:
    stated = read(await http.get("/metadata", headers={"accept": XML}))
    assert {"xml", "json", XML, JSON} <= set(stated["format"])


async def test_head_has_the_length_of_the_xml(http: httpx.AsyncClient) -> None:
    url = await created(http)
    head, whole = [await http.request(method, url, headers={"accept": XML}) for method in ("HEAD", "GET")]
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
    assert head.headers["content-type"] == whole.headers["content-type"]


async def test_ct_2_an_answer_in_xml_may_hold_what_no_resource_may(http: httpx.AsyncClient) -> None:
    """A Bundle of the deepest resource is deeper, and an outcome may quote a NUL: neither is judged as if it were sent."""
    extension: dict[str, Any] = {"url": "http://h.example", "valueBoolean": True}
    for _ in range(30):
        extension = {"url": "http://h.example", "extension": [extension]}
    tree = {"resourceType": "Basic", "id": "deep", "code": {"text": "x"}, "extension": [extension]}
    assert (await http.put("/Basic/deep", json=tree)).status_code == 201
    for url in ("/Basic", "/Basic/deep/_history", "/Basic/deep"):
        answer = await http.get(url, params={"_format": "xml"})
        assert answer.status_code == 200
        assert answer.text.count("<extension ") == 31
    missing = await http.get("/Basic/a%00b?_format=xml")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/fhir+xml;charset=utf-8")
    assert "Basic/a\ufffdb does not exist." in missing.text
