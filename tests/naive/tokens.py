"""Tokens: codes and their systems. https://hl7.org/fhir/R4/search.html#token"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .text import plain, split, unescape
from .values import Refused, Tree, Value, World


class Token(NamedTuple):
    """A code that an element holds."""

    systems: tuple[str, ...]  # that it belongs to; of a `code` perhaps several
    code: str
    sensitive: bool  # case matters (TK-2)
    mime: bool = False


def tokens(value: Value) -> Iterator[Token]:
    """What a token search looks at, by the type of the value."""
    data = value.data
    match value.type:
        case "Coding":
            yield from _token(data, "code")
        case "CodeableConcept":
            for coding in data.get("coding", ()):
                if coding:
                    yield from _token(coding, "code")
        case "Identifier":
            yield from _token(data, "value")
        case "code":
            yield Token(value.systems, data, True, value.mime)
        case "ContactPoint":
            if data.get("value"):
                yield Token((), data["value"], False)
        case "boolean":
            yield Token((), "true" if data else "false", True)
        case "uri" | "url" | "canonical" | "oid" | "uuid" | "id" | "System.String":
            yield Token((), data, True)
        case "string":
            yield Token((), data, False)


def _token(data: Tree, name: str) -> Iterator[Token]:
    if data.get("system") or data.get(name):
        yield Token((data["system"],) if data.get("system") else (), data.get(name, ""), False)


def has_token(value: Value) -> bool:
    """MI-1: whether anything a token search could match is there."""
    return any(tokens(value)) or any(labels(value))


def labels(value: Value) -> Iterator[str]:
    """TK-4: what :text looks at."""
    data = value.data
    match value.type:
        case "Coding":
            yield from _texts(data.get("display"))
        case "CodeableConcept":
            yield from _texts(data.get("text"), *((one or {}).get("display") for one in data.get("coding", ())))
        case "Identifier":
            yield from _texts(data.get("type", {}).get("text"))


def _texts(*texts: str | None) -> Iterator[str]:
    return (text for text in texts if text)


def token_matches(value: Value, modifier: str, wanted: str, world: World) -> bool:
    """TK-1 … TK-9, but :not and :not-in, which are about all values of a resource."""
    match modifier:
        case "":
            system, code = system_and_code(wanted)
            return any(_is(token, system, code) for token in tokens(value))
        case "text":
            sought = plain(unescape(wanted))
            return bool(sought) and any(plain(label).startswith(sought) for label in labels(value))
        case "of-type" | "ofType":
            return value.type == "Identifier" and _of_type(value.data, wanted)
        case "in":
            members = value_set(world, unescape(wanted))
            if value.type == "code" and not value.systems:  # of a system that is not known
                return value.data in {code for _, code in members}
            return any((system, token.code) in members for token in tokens(value) for system in token.systems)
        case "below" | "above":
            system, code = system_and_code(wanted)
            return any(_related(token, system, code, modifier, world) for token in tokens(value))
    raise Refused(f":{modifier} on a token")


def system_and_code(wanted: str) -> tuple[str | None, str]:
    """None: the system was not named; "": the value must have none."""
    parts = [unescape(part) for part in split(wanted, "|")]
    if len(parts) > 2:
        raise Refused(f"{wanted} has more than one |")
    return (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def _is(token: Token, system: str | None, code: str) -> bool:
    """The table of the four forms."""
    if system is not None and (system not in token.systems if system else token.systems):
        return False
    if not code:
        return bool(system)
    return token.code == code if token.sensitive else token.code.casefold() == code.casefold()


def _of_type(identifier: Tree, wanted: str) -> bool:
    """TK-8: type coding and value of the same identifier."""
    parts = [unescape(part) for part in split(wanted, "|")]
    if len(parts) != 3 or not all(parts):
        raise Refused(f"{wanted}: system|code|value")
    system, code, value = parts
    codings = identifier.get("type", {}).get("coding", ())
    return identifier.get("value", "").casefold() == value.casefold() and any(
        coding.get("system") == system and coding.get("code", "").casefold() == code.casefold() for coding in codings
    )


# --- a small terminology: code systems and value sets that stand in the world as resources


def _related(token: Token, system: str | None, code: str, relation: str, world: World) -> bool:
    """TK-7: subsumed by the code, or subsuming it; of MIME types the part before the semicolon."""
    if token.mime and relation == "below":
        return token.code == code or token.code.partition(";")[0].strip() == code
    for known in [system] if system else token.systems:
        parents = hierarchy(world, known)
        if known in token.systems and code in parents and token.code in parents:
            low, high = (token.code, code) if relation == "below" else (code, token.code)
            if high in ancestors(parents, low):
                return True
    return _is(token, system, code)


def hierarchy(world: World, system: str) -> dict[str, set[str]]:
    """Code → its parents, by nesting and by the property `parent`."""
    found: dict[str, set[str]] = {}

    def walk(concepts: list[Any], parent: str | None) -> None:
        for concept in concepts:
            parents = found.setdefault(concept["code"], set())
            parents |= {parent} if parent else set()
            parents |= {one["valueCode"] for one in concept.get("property", ()) if one["code"] == "parent"}
            walk(concept.get("concept", []), concept["code"])

    for code_system in world.of_type("CodeSystem"):
        if code_system.get("url") == system:
            walk(code_system.get("concept", []), None)
    return found


def ancestors(parents: dict[str, set[str]], code: str) -> set[str]:
    """The code and all that subsume it."""
    found, waiting = {code}, [code]
    while waiting:
        for parent in parents.get(waiting.pop(), set()) - found:
            found.add(parent)
            waiting.append(parent)
    return found


def value_set(world: World, uri: str) -> set[tuple[str, str]]:
    """TK-5: the members of a value set, by its canonical URL or as ValueSet/id."""
    url, _, version = uri.partition("|")
    for tree in world.of_type("ValueSet"):
        named = tree.get("url") == url and version in ("", tree.get("version"))
        if named or uri.removeprefix(world.base_url + "/") == f"ValueSet/{tree['id']}":
            compose = tree.get("compose", {})
            excluded = {member for part in compose.get("exclude", ()) for member in _members(world, part)}
            return {member for part in compose.get("include", ()) for member in _members(world, part)} - excluded
    raise Refused(f"{uri} is no value set that is known")


def _members(world: World, part: Tree) -> set[tuple[str, str]]:
    sets = [value_set(world, url) for url in part.get("valueSet", ())]
    if "system" in part:
        system = part["system"]
        parents = hierarchy(world, system)
        codes = {one["code"] for one in part["concept"]} if "concept" in part else set(parents)
        for one in part.get("filter", ()):
            assert (one["property"], one["op"]) == ("concept", "is-a")
            codes = {code for code in codes if one["value"] in ancestors(parents, code)}
        sets.append({(system, code) for code in codes})
    return set.intersection(*sets) if sets else set()
