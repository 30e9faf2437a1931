"""What is read equals what was written, digit by digit, apart from id, versionId and lastUpdated (CT-7, CR-2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources import definitions, exact
from resources.outcome import BadRequest
from resources.validation.validator import Validator

from ..examples import examples

VALIDATOR = Validator(definitions.load())


def plain(node: Any) -> Any:
    """A tree to be compared: numbers as PostgreSQL keeps them, exponents written out and no minus before zero."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(item) for item in node]
    if isinstance(node, (int, Decimal)) and not isinstance(node, bool):
        text = format(Decimal(node), "f")
        return ("number", text if node else text.removeprefix("-"))
    return node


def comparable(tree: dict[str, Any]) -> Any:
    meta = {key: value for key, value in tree.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    rest = {key: value for key, value in tree.items() if key not in ("id", "meta")}
    return plain(rest | ({"meta": meta} if meta else {}))


def valid_examples() -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for name, text in examples():
        try:
            tree = exact.decode(text)
            VALIDATOR.check(tree["resourceType"], tree)
        except BadRequest:
            continue
        yield name, text, tree


def batches() -> Iterator[list[tuple[str, bytes, dict[str, Any]]]]:
    """Examples that are written together: not too many, not too large."""
    batch: list[tuple[str, bytes, dict[str, Any]]] = []
    for one in valid_examples():
        batch.append(one)
        if len(batch) == 100 or sum(len(text) for _, text, _ in batch) > 5_000_000:
            yield batch
            batch = []
    yield batch


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1.00", "1.00"), ("0.0000001", "0.0000001"), ("1E-9", "0.000000001"), ("12.50e1", "125.0"), ("1e2", "100"),
        ("-0.00", "0.00"),
    ],
)  # fmt: skip
async def test_ct_7_a_write_answers_the_digits_that_are_read(http: httpx.AsyncClient, sent: str, kept: str) -> None:
    text = (
        '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"E-1"},"valueQuantity":{"value":here},'
        '"component":[{"code":{"text":"x"},"valueSampledData":{"origin":{"value":-0.0},"period":here,"dimensions":1}}]}'
    ).replace("here", sent)
    written = await http.put("/Observation/o", content=text)
    read = await http.get("/Observation/o")
    for answer in (written, read):
        tree = exact.decode(answer.content)
        component = tree["component"][0]["valueSampledData"]
        assert (written.status_code, read.status_code) == (201, 200)
        assert f'"value":{kept}' in answer.text.replace(" ", "")
        assert (format(Decimal(component["period"]), "f"), component["origin"]["value"]) == (kept, 0)
        assert "-0.0" not in answer.text


async def test_every_valid_official_example_is_read_as_it_was_written(http: httpx.AsyncClient) -> None:
    count = 0
    for batch in batches():
        entries = b",".join(
            b'{"resource":%s,"request":{"method":"POST","url":"%s"}}' % (text, tree["resourceType"].encode())
            for _, text, tree in batch
        )
        bundle = b'{"resourceType":"Bundle","type":"batch","entry":[%s]}' % entries
        answer = await http.post("", content=bundle, headers={"Prefer": "return=minimal"})
        assert answer.status_code == 200, answer.text[:500]
        places = [entry["response"].get("location") for entry in answer.json()["entry"]]
        reads = b",".join(b'{"request":{"method":"GET","url":"%s"}}' % place.encode() for place in places if place)
        bundle = b'{"resourceType":"Bundle","type":"batch","entry":[%s]}' % reads
        found = iter(exact.decode((await http.post("", content=bundle)).content)["entry"])
        for (name, _, tree), place in zip(batch, places, strict=True):
            assert place, name
            read = next(found)["resource"]
            assert comparable(read) == comparable(tree), name
            assert read["meta"]["versionId"] == "1"
            count += 1
    assert count > 750


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=20)
DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@st.composite
def observations(draw: st.DrawFn) -> bytes:
    numbers = draw(st.lists(DIGITS, min_size=1, max_size=5))
    text = exact.encode({"text": draw(TEXT)})
    components = ",".join(f'{{"code":{text.decode()},"valueQuantity":{{"value":{number}}}}}' for number in numbers)
    notes = exact.encode([{"text": note} for note in draw(st.lists(TEXT, min_size=1, max_size=4))]).decode()
    return (
        f'{{"resourceType":"Observation","status":"final","code":{text.decode()},"component":[{components}],"note":{notes}}}'
    ).encode()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(observations())
async def test_generated_json_is_read_as_it_was_written(http: httpx.AsyncClient, text: bytes) -> None:
    answer = await http.post("/Observation", content=text)
    assert answer.status_code == 201, answer.text
    read = await http.get(answer.headers["location"])
    assert comparable(exact.decode(read.content)) == comparable(exact.decode(text))
    assert comparable(exact.decode(answer.content)) == comparable(exact.decode(text))
