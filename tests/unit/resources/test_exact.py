"""JSON in and out: what comes in goes out digit by digit; hostile text is refused with the place where it offends."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resources import exact
from resources.outcome import Malformed

from ... import examples

# -- what goes in comes out ---------------------------------------------------------------------------------------

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
strings = st.text(characters, max_size=20)
integers = st.integers(-(10**30), 10**30)
decimals = st.builds(
    lambda digits, exponent: Decimal(f"{digits}E{exponent}"), integers, st.integers(-40, 40).filter(bool)
)
spellings = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30}([eE][+-]?[0-9]{1,2})?|[eE][+-]?[0-9]{1,2})", fullmatch=True
)
leaves = st.none() | st.booleans() | integers | decimals | strings
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4), max_leaves=20
)
resources = st.dictionaries(strings, values, max_size=6)


def exactly(tree: Any) -> Any:
    """A value that is equal only for equal types, keys in order and decimals of the same digits."""
    match tree:
        case dict():
            return [(key, exactly(value)) for key, value in tree.items()]
        case list():
            return [exactly(value) for value in tree]
        case Decimal():
            return tree.as_tuple()
        case _:
            assert not isinstance(tree, float)
            return type(tree), tree


def written(tree: Any, pick: Any) -> str:
    """The tree as another sender might write it: white space between tokens, characters escaped."""
    gap = lambda: pick(st.sampled_from(["", "", " ", "\n", "\r\n\t"]))  # noqa: E731
    match tree:
        case dict():
            inside = (f"{gap()}{written(k, pick)}{gap()}:{gap()}{written(v, pick)}{gap()}" for k, v in tree.items())
            return "{" + (",".join(inside) or gap()) + "}"
        case list():
            return "[" + (",".join(f"{gap()}{written(value, pick)}{gap()}" for value in tree) or gap()) + "]"
        case str():
            return '"' + "".join(escaped(character, pick(st.integers(0, 3))) for character in tree) + '"'
        case Decimal():
            return str(tree)
        case _:
            return json.dumps(tree)


def escaped(character: str, choice: int) -> str:
    if choice == 0:
        units = character.encode("utf-16-be").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    short = json.dumps(character, ensure_ascii=choice == 1)[1:-1]
    return "\\/" if character == "/" and choice == 2 else short


@given(resources)
def test_what_is_encoded_is_decoded_exactly(tree: dict[str, Any]) -> None:
    assert exactly(exact.decode(exact.encode(tree))) == exactly(tree)


@given(resources, st.data())
def test_white_space_and_escapes_change_nothing(tree: dict[str, Any], data: st.DataObject) -> None:
    assert exactly(exact.decode(written(tree, data.draw).encode())) == exactly(tree)


@given(spellings)
@example("0.40")
@example("1.00")
@example("-0.0")
@example("1E+2")
@example("0.1234567890123456789012345")
def test_decimals_keep_every_digit(number: str) -> None:
    value = exact.decode(b'{"value":%s}' % number.encode())["value"]
    assert value.as_tuple() == Decimal(number).as_tuple()
    again = exact.encode({"value": value})
    if "e" not in number.lower() and Decimal(number).adjusted() > -7:  # else Python writes it with an exponent
        assert again == b'{"value":%s}' % number.encode()


NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?[0-9][0-9.eE+-]*)', re.DOTALL)


def test_official_examples_keep_the_spelling_of_their_numbers() -> None:
    seen = 0
    for name, text in examples.examples():
        if len(text) > 1_000_000:
            continue  # collections of definitions, with integers only
        numbers = [found for found in NUMBER.findall(text) if found]
        again = [found for found in NUMBER.findall(exact.encode(exact.decode(text))) if found]
        assert again == numbers, name
        seen += sum(b"." in number for number in numbers)
    assert seen > 800


def test_every_official_resource_is_decoded() -> None:
    assert sum(bool(exact.decode(text)) for _, text in examples.package()) == 5306


# -- what is refused, and where -----------------------------------------------------------------------------------

REFUSED = [  # text, line, column, part of the reason
    (b"", 1, 1, "expecting value"),
    (b" \n ", 2, 2, "expecting value"),
    (b"[1]", 1, 1, "JSON object"),
    (b"\n  1", 2, 3, "JSON object"),
    (b'"text"', 1, 1, "JSON object"),
    (b"null", 1, 1, "JSON object"),
    (b"{", 1, 2, "expecting property name"),
    (b'{"a"}', 1, 5, "':'"),
    (b'{"a" 1}', 1, 6, "':'"),
    (b"{'a':1}", 1, 2, "property name"),
    (b'{"a":1\n"b":2}', 2, 1, "','"),
    (b'{"a":1}}', 1, 8, "extra"),
    (b'{"a":1} {"a":1}', 1, 9, "extra"),
    ('{"é":"é" 1}'.encode(), 1, 10, "','"),
    (b'{"a":tru}', 1, 6, "value"),
    (b'{"a":01}', 1, 7, "','"),
    (b'{"a":1.}', 1, 7, "','"),
    (b'{"a":.5}', 1, 6, "value"),
    (b'{"a":+5}', 1, 6, "value"),
    (b'{"a":NaN}', 1, 6, "NaN is no number"),
    (b'{"a":"NaN","b":[1,-Infinity]}', 1, 19, "-Infinity is no number"),
    (b'{"a":"x\\"', 1, 6, "unterminated string"),
    (b'{"a":"x\\', 1, 6, "unterminated string"),
    (b'{"a":"x\x01"}', 1, 8, "control character"),
    (b'{"a":"]}-\x01"}', 1, 10, "control character"),
    (b'{"a":"x\ny"}', 1, 8, "control character"),
    (b'{"a":"\\x"}', 1, 7, "escape"),
    (b'{"a":1}\0', 1, 8, "extra"),
    (b"\xef\xbb\xbf{}", 1, 1, "byte order mark"),
    ('{"a":1}'.encode("utf-16"), 1, 1, "UTF-8"),
    (b'{"a":\n"\xc3\xa9\xff"}', 2, 3, "UTF-8"),
    (b'{"\xff":1}', 1, 3, "UTF-8"),
    (b'{"a":"\xed\xa0\x80"}', 1, 7, "UTF-8"),  # a surrogate as UTF-8
    (b'{"a":"\xc0\x80"}', 1, 7, "UTF-8"),  # NUL in two bytes
    (b'{"a":"b\\u0000"}', 1, 8, "NUL"),
    (b'{"a\\u0000":1}', 1, 4, "NUL"),
    (b'{"a":"\\ud83d"}', 1, 7, "half a surrogate pair"),
    (b'{"a":"\\uDE00"}', 1, 7, "half a surrogate pair"),
    (b'{"a":"\\ud83d\\n\\ude00"}', 1, 7, "half a surrogate pair"),
    (b'{"a":"\\ud83d\\ud83d\\ude00"}', 1, 7, "half a surrogate pair"),
    (b'{"a":"\\ude00\\ud83d"}', 1, 7, "half a surrogate pair"),
    (b'{"a":"\\\\\\ude00"}', 1, 9, "half a surrogate pair"),
    ('{"é":1,\n "é":2}'.encode(), 2, 2, "'é' is given twice"),
    ('{"x":"é", "x":2}'.encode(), 1, 11, "'x' is given twice"),
    (b'{"a":[{"b":1},{"b":1,"c":{},"b":1}]}', 1, 29, "'b' is given twice"),
    (b'{"ab":1,"a\\u0062":2}', 1, 9, "'ab' is given twice"),
    (b'{"a":1,"a":"\\u0022\\u0022"}', 1, 8, "'a' is given twice"),
    (b'{"":1,"":1}', 1, 7, "'' is given twice"),
    (b'{"a":1e99999999}', 1, 6, "400 digits"),
    (b'{"a":[0,-1E+99999999999999999999]}', 1, 9, "400 digits"),
    (b'{"a":1e-99999999}', 1, 6, "400 digits"),
    (b'{"a":0.%se900}' % (b"0" * 900), 1, 6, "400 digits"),  # zero, but nobody spells it so
    (b'{"a":1e400}', 1, 6, "400 digits"),
    (b'{"a":1e-400}', 1, 6, "400 digits"),
    (b'{"a":%s}' % (b"1" * 401), 1, 6, "400 digits"),
    (b'{"a":-%s}' % (b"1" * 5000), 1, 6, "400 digits"),
    (b'{"a":1.%s}' % (b"1" * 400), 1, 6, "400 digits"),
    (b'{"a":%s}' % (b"[" * 64 + b"]" * 64), 1, 69, "64 levels"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, 1, 321, "64 levels"),
    (b'{"a":' * 100_000, 1, 321, "64 levels"),
    (b"[" * 100_000, 1, 65, "64 levels"),
]


@pytest.mark.parametrize(("text", "line", "column", "reason"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(text: bytes, line: int, column: int, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        exact.decode(text)
    [issue] = caught.value.issues
    assert issue.location == (f"line {line}, column {column}",)
    assert f"line {line}, column {column}: " in issue.diagnostics
    assert reason in issue.diagnostics
    assert len(issue.diagnostics) < 300
    assert caught.value.status == 400


ACCEPTED = [
    b"{}",
    b' \r\n\t{"a":1} ',
    b'{"a":"\\\\u0000"}',  # a backslash and five characters
    b'{"a":"\\ud83d\\ude00 \\uD83D\\uDE00 \\u00e9"}',
    b'{"a":"\\u0022","b":"\\u0022"}',
    b'{"a":{"b":1},"b":{"a":1},"A":1}',
    b'{"a":1e399,"b":1e-399,"c":%s}' % (b"1" * 400),
    b'{"a":-%s.%s}' % (b"1" * 200, b"1" * 200),
    b'{"a":"%s"}' % (b"1" * 5000),
    b'{"a":"1e99999999"}',
    b'{"a":%s}' % (b"[" * 63 + b"]" * 63),
    b'{"a":[%s]}' % b",".join([b"[[]]"] * 1000),
    b'{"a":"%s"}' % (b"[{" * 1000),
]


@pytest.mark.parametrize("text", ACCEPTED, ids=lambda text: str(text)[:40])
def test_accepted(text: bytes) -> None:
    assert exactly(exact.decode(text)) == exactly(json.loads(text, parse_float=Decimal))


fragments = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"a"', '"a":', '"b":', '"', "\\", "\\u0000", "\\u0022", "\\ud83d", "\\ude00", "\\n",
     "1", "-", "0.50", "1e3", "1e999", "9" * 401, "true", "null", "NaN", " ", "\n", "é", "\0", "[" * 63, "]" * 63]
)  # fmt: skip


@settings(max_examples=500)
@given(
    st.lists(fragments, max_size=12).map("".join),
    st.sampled_from(['{"a":%s}', "%s", '{"a":"%s"}', '{"b":[%s,2],"c":1}']),
)
def test_accepted_is_what_the_rules_accept(inside: str, around: str) -> None:
    """Against the standard library, which is slower but lets one ask for every rule."""
    text = around % inside
    decoded, refusal = decode_or_refuse(text.encode())
    assert exactly(decoded) == exactly(by_the_rules(text))
    assert decoded is not None or re.fullmatch(r"line \d+, column \d+", refusal.issues[0].location[0])


def decode_or_refuse(text: bytes) -> tuple[Any, Any]:
    try:
        return exact.decode(text), None
    except Malformed as refusal:
        return None, refusal


def by_the_rules(text: str) -> dict[str, Any] | None:
    def number(digits: str) -> Any:
        if int(digits.lower().partition("e")[2] or 0) > 10_000:  # a text of this length is better not written out
            raise ValueError
        value = Decimal(digits)
        if len(f"{value:f}".lstrip("-").replace(".", "")) > 400:
            raise ValueError
        return value

    def integer(digits: str) -> int:
        return int(number(digits))

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    def constant(name: str) -> Any:
        raise ValueError

    try:
        tree = json.loads(
            text, parse_float=number, parse_int=integer, parse_constant=constant, object_pairs_hook=unique
        )
    except ValueError:
        return None
    sound = all("\0" not in s and not re.search("[\ud800-\udfff]", s) for s in strings_of(tree))
    return tree if isinstance(tree, dict) and sound and depth(tree) <= 64 else None


def strings_of(tree: Any) -> Iterator[str]:
    match tree:
        case str():
            yield tree
        case dict():
            yield from tree
            yield from (s for value in tree.values() for s in strings_of(value))
        case list():
            yield from (s for value in tree for s in strings_of(value))


def depth(tree: Any) -> int:
    inside = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


@given(st.binary(max_size=40))
def test_any_bytes_are_decoded_or_refused(text: bytes) -> None:
    decoded, refusal = decode_or_refuse(text)
    assert isinstance(decoded, dict) or refusal.issues[0].location


@given(resources, st.data())
def test_a_key_given_twice_is_found_wherever_it_is(tree: dict[str, Any], data: st.DataObject) -> None:
    key, value = data.draw(strings), data.draw(values)
    inner = '{"first":' + written(value, data.draw) + "," + written(key, data.draw) + ":1,\n"
    outer = '{"outer":['
    text = outer + inner + written(key, data.draw) + ":" + written(tree, data.draw) + "}]}"
    with pytest.raises(Malformed, match="twice") as caught:
        exact.decode(text.encode())
    if key != "first":
        assert caught.value.issues[0].location == (f"line {(outer + inner).count(chr(10)) + 1}, column 1",)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"' + b'\\"' * 1_000_000,
        b'{"a":"' + b"\\u0022" * 500_000 + b'"}',
        b'{"a":%s}' % (b"9" * 3_000_000),
        b'{"a":0.%s}' % (b"9" * 3_000_000),
        b'{"a":1e%s}' % (b"9" * 3_000_000),
        b'{"a":"%s"}' % ((b"9" * 400 + b" ") * 7000),
        b'{"a":[%s]}' % b",".join([b"9" * 400] * 7000),
        b'{"a":[%s]}' % b",".join([b"{}"] * 1_000_000),
        b"[{" * 1_000_000,
    ],
    ids=lambda text: str(text[:20]),
)
def test_hostile_text_costs_no_more_than_its_length(text: bytes) -> None:
    begin = time.process_time()
    _, refusal = decode_or_refuse(text)
    assert len(str(refusal)) < 300
    assert time.process_time() - begin < 3  # a few tenths; a quadratic search would take minutes
