"""Criteria made from what a resource really has, so that most of them find something, and changed a little."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from typing import Any

from resources.definitions import SearchParameter

from .animals import KINDS
from .match import repetitions
from .population import AMOUNTS, DATES, UNITS
from .quantities import UCUM, amounts
from .ranges import PREFIXES
from .references import pointed
from .text import plain, texts, unescape
from .tokens import labels, tokens
from .values import DEFINED, Tree, Value, World, type_of_reference

Criterion = tuple[str, str]  # name and value as in a query string, not percent-encoded

SPECIAL = ("_text", "_content", "_query", "_lastUpdated", "phonetic")  # not for this oracle
OPERATORS = {  # of `_filter`
    "string": "eq co sw ew",
    "token": "eq",
    "date": "eq ne gt lt ge le sa eb po",
    "number": "eq ne gt lt ge le sa eb",
    "quantity": "eq ne gt lt ge le sa eb",
    "reference": "re",
    "uri": "eq",
}


def escape(text: str) -> str:
    return re.sub(r"([\\,$|])", r"\\\1", text)


class Queries:
    """Criteria drawn by one source of chance from the values in a world."""

    def __init__(self, chance: random.Random, world: World) -> None:
        self.chance = chance
        self.world = world
        self.types: dict[str, list[Tree]] = {}
        for tree in world.resources:
            self.types.setdefault(tree["resourceType"], []).append(tree)
        self.trees = {name: list(trees) for name, trees in self.types.items()}  # also those contained in others
        for tree in world.resources:
            for inside in tree.get("contained", ()):
                self.trees.setdefault(inside["resourceType"], []).append(inside)
        self._used: dict[str, list[SearchParameter]] = {}
        self._pointed: dict[tuple[str, str], list[str]] = {}

    def criteria(self, resource_type: str) -> list[Criterion]:
        found = [self.criterion(resource_type) for _ in range(self.chance.choice([1, 1, 1, 2, 2, 3]))]
        return [one for one in found if one]

    def criterion(self, resource_type: str, depth: int = 0) -> Criterion | None:
        """A clause, a chain or a reverse chain on the type."""
        kind = self.chance.random()
        if kind < 0.15 and depth < 3:
            return self.chain(resource_type, depth)
        if kind < 0.3 and depth < 3:
            return self.reverse(resource_type, depth)
        return self.clause(resource_type, self.chance.choice(self.used(resource_type)))

    def chain(self, resource_type: str, depth: int) -> Criterion | None:
        pointing = [one for one in self.used(resource_type) if one.type == "reference"]
        if not pointing:
            return None
        defined = self.chance.choice(pointing)
        targets = [one for one in self.pointed_types(resource_type, defined) if one in self.trees]
        if not targets:
            return None
        target = self.chance.choice(targets)
        inner = self.criterion(target, depth + 1)
        named = f":{target}" if len(defined.targets) > 1 else ""
        return (f"{defined.code}{named}.{inner[0]}", inner[1]) if inner else None

    def reverse(self, resource_type: str, depth: int) -> Criterion | None:
        pointing = [
            (other, one)
            for other in self.types
            for one in self.used(other)
            if one.type == "reference" and resource_type in self.pointed_types(other, one)
        ]
        if not pointing:
            return None
        other, defined = self.chance.choice(pointing)
        inner = self.criterion(other, depth + 1)
        return (f"_has:{other}:{defined.code}:{inner[0]}", inner[1]) if inner else None

    def filter(self, resource_type: str) -> Criterion:
        """An expression of `_filter`: up to three tests, joined from left to right."""
        words = [self.test(resource_type)]
        for _ in range(self.chance.choice([0, 1, 1, 2])):
            words += [self.chance.choice(["and", "or"]), self.test(resource_type)]
        if len(words) > 3 and self.chance.random() < 0.5:
            words[2:] = ["(", *words[2:], ")"]
        return "_filter", " ".join(words)

    def test(self, resource_type: str) -> str:
        """One test of an expression, perhaps negated."""
        defined = self.chance.choice([one for one in self.used(resource_type) if one.type in OPERATORS])
        operator, value = self.chance.choice(OPERATORS[defined.type].split()), None
        if self.chance.random() < 0.1:
            operator, value = "pr", self.chance.choice(["true", "false"])
        for tree in self.chance.choices(self.trees[resource_type], k=4):
            found = self.of_resource(tree, defined) if value is None else None
            if found and found[0] in ("", "contains") and "," not in found[1]:
                text = found[1].removeprefix(found[1][:2]) if found[1][:2] in PREFIXES else found[1]
                if defined.type == "string":
                    value = json.dumps(unescape(text), ensure_ascii=False)
                elif re.fullmatch(r"[\w.:/|+-]+", text):
                    value = text
        if value is None:
            operator, value = "pr", "true"
        test = f"{defined.code} {operator} {value}"
        return f"not ( {test} )" if self.chance.random() < 0.15 else test

    def used(self, resource_type: str) -> list[SearchParameter]:
        """The parameters that find something in a resource of the type."""
        if resource_type not in self._used:
            known = [one for one in DEFINED.parameters_of(resource_type).values() if one.code not in SPECIAL]
            trees = self.trees.get(resource_type, ())
            self._used[resource_type] = [
                one for one in known if any(any(self.world.nodes(tree, one.expression or "")) for tree in trees)
            ]
        return self._used[resource_type]

    def pointed_types(self, resource_type: str, defined: SearchParameter) -> list[str]:
        """The types that resources of the type really point to by the parameter."""
        key = resource_type, defined.code
        if key not in self._pointed:
            found = set()
            for tree in self.trees[resource_type]:
                for value in self.world.values(tree, defined):
                    target = pointed(value, defined, self.world)
                    found |= {target.resource_type} if target else {type_of_reference(value.data, tree)}
            self._pointed[key] = sorted(found & set(defined.targets))
        return self._pointed[key]

    def clause(self, resource_type: str, defined: SearchParameter) -> Criterion | None:
        if defined.type != "composite" and self.chance.random() < 0.07:
            return f"{defined.code}:missing", self.chance.choice(["true", "false"])
        modifier, first = self.of_some(resource_type, defined)
        if first is None:
            return None
        alternatives = [first]
        for _ in range(self.chance.choice([0, 0, 0, 1, 2])):
            again, text = self.of_some(resource_type, defined, modifier)
            if text is not None and again == modifier:
                alternatives.append(text)
        return (f"{defined.code}:{modifier}" if modifier else defined.code), ",".join(alternatives)

    def of_some(
        self, resource_type: str, defined: SearchParameter, modifier: str | None = None
    ) -> tuple[str, str | None]:
        """Modifier and value made from one of the resources of the type."""
        for tree in self.chance.sample(self.trees[resource_type], min(8, len(self.trees[resource_type]))):
            for _ in range(4):
                found = self.of_resource(tree, defined)
                if found and modifier in (None, found[0]):
                    return found
        return "", None

    def of_resource(self, tree: Tree, defined: SearchParameter) -> tuple[str, str] | None:
        """Modifier and value made from what the parameter finds in the resource; None if it finds nothing."""
        if defined.code == "_id":
            return self.chance.choice(["", "", "not"]), tree["id"]
        if defined.type == "composite":
            found = [one for one in repetitions(tree, defined, self.world) if all(values for _, values in one)]
            parts = [self.of_values(part, values) for part, values in self.chance.choice(found)] if found else [None]
            if all(part and part[0] == "" for part in parts):
                return "", "$".join(part[1] for part in parts if part)
            return None
        return self.of_values(defined, self.world.values(tree, defined))

    def of_values(self, defined: SearchParameter, values: list[Value]) -> tuple[str, str] | None:
        if not values:
            return None
        make = getattr(self, f"_{defined.type}")
        found: tuple[str, str] | None = make(self.chance.choice(values), defined)
        return found

    # --- by type of parameter

    def _token(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        found = list(tokens(value))
        label = next(labels(value), None)
        if label and plain(label) and self.chance.random() < 0.1:
            return "text", escape(label[: self.chance.randint(1, len(label))])
        if not found:
            return None
        token = self.chance.choice(found)
        system = self.chance.choice([*token.systems, "urn:none"])
        code = escape(self.chance.choice([token.code, token.code.upper()] if not token.sensitive else [token.code]))
        if (
            value.type == "Identifier"
            and value.data.get("type", {}).get("coding")
            and token.code
            and self.chance.random() < 0.2
        ):
            return (
                "of-type",
                f"{value.data['type']['coding'][0]['system']}|{value.data['type']['coding'][0]['code']}|{code}",
            )
        if value.type in ("CodeableConcept", "Coding") and self.chance.random() < 0.2:
            return self.chance.choice([
                ("in", "http://x/dogs"), ("not-in", "http://x/dogs"), ("in", "ValueSet/dogs"), ("in", r"http://x/dogs|1"),
                ("below", f"http://x/animals|{self.chance.choice(KINDS)}"),
                ("above", f"http://x/animals|{self.chance.choice(KINDS)}"),
            ])  # fmt: skip
        if token.mime and self.chance.random() < 0.5:
            return "below", token.code.partition(";")[0]
        forms = [code] if token.code else []
        if value.type in ("CodeableConcept", "Coding", "Identifier", "code"):
            forms += [f"{system}|"] + ([f"{system}|{code}", f"|{code}"] if token.code else [])
        return self.chance.choice(["", "", "", "", "not"]), self.chance.choice(forms)

    def _string(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        found = [text for text in texts(value) if text.strip()]
        if not found:
            return None
        text = self.chance.choice(found)
        match self.chance.randrange(5):
            case 0:
                return "exact", escape(self.chance.choice([text, text, text.swapcase(), text[:-1] or text]))
            case 1:
                start = self.chance.randrange(len(text))
                return "contains", escape(text[start : start + self.chance.randint(1, 8)])
            case 2:
                word = self.chance.choice(text.split())
                return "", escape(word[: self.chance.randint(1, len(word))])
        spelled = self.chance.choice([text, text.upper(), text.lower()])
        return "", escape(spelled[: self.chance.randint(1, len(spelled))])

    def _reference(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        data = value.data
        if value.type == "Reference":
            if "identifier" in data and self.chance.random() < 0.5:
                found = self._token(Value("Identifier", data["identifier"]), defined)
                return ("identifier", found[1]) if found and found[0] in ("", "not") else None
            text = data.get("reference")
            if not text or text.startswith("#"):
                return None
            local = text.removeprefix(self.world.base_url + "/").partition("/_history")[0]
            resource_type, _, logical_id = local.rpartition("/")
            forms = [("", text), ("", text), ("", local)]
            if resource_type in defined.targets:
                forms += [("", logical_id), ("", f"{self.world.base_url}/{local}"), (resource_type, logical_id)]
                if resource_type in ("Location", "Organization"):
                    forms += [("below", local), ("above", local)]
            return self.chance.choice(forms)
        if isinstance(data, dict):
            return ("", f"{data['resourceType']}/{data['id']}") if data.get("id") and "resourceType" in data else None
        return "", escape(self.chance.choice([data, data.partition("|")[0]])).replace(r"\|", "|")

    def _date(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        found = [
            text for text in re.findall(r'"?((?:19|20)\d\d[-0-9T:.Z+]*)', str(value.data)) if value.type != "string"
        ]
        text = self.chance.choice([*found, *found, self.chance.choice(DATES)])
        if self.chance.random() < 0.3:
            text = text[: self.chance.choice([4, 7, 10])]
        return "", self.prefix() + text

    def _number(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        if value.type == "Range":
            ends = [end["value"] for end in (value.data.get("low"), value.data.get("high")) if end]
            return ("", self.prefix() + self.number(self.chance.choice(ends))) if ends else None
        return "", self.prefix() + self.number(value.data)

    def _quantity(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        found = list(amounts(value))
        if not found:
            return None
        low, high = found[0].range
        numbers = [number for number, _ in (low, high) if not isinstance(number, float)]
        stored = value.data.get("value", AMOUNTS[0]) if isinstance(value.data, dict) else AMOUNTS[0]
        text = self.prefix() + self.number(Decimal(stored) if "value" in value.data else Decimal(float(numbers[0])))
        system, code, unit = self.chance.choice(
            [(found[0].system, found[0].code, found[0].unit), self.chance.choice(UNITS)]
        )
        forms = [text, f"{text}||{escape(code or unit or 'mg')}"]
        if system:
            forms += [f"{text}|{system}|{escape(code or '')}"] * 2 + [
                f"{text}|{UCUM}|{self.chance.choice(['g', 'mg', 'kg'])}"
            ]
        return "", self.chance.choice(forms)

    def _uri(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        text = value.data
        forms: list[tuple[str, str]] = [("", escape(text))] * 2
        if not text.startswith("urn:"):
            forms += [
                ("below", escape(text[: self.chance.randint(8, max(8, len(text)))])),
                ("above", escape(text) + "/b/c"),
            ]
        if defined.code == "url":
            forms.append(("", escape(text) + self.chance.choice(["|1", "|1.1"])))
        return self.chance.choice(forms)

    def _special(self, value: Value, defined: SearchParameter) -> tuple[str, str] | None:
        distance = self.chance.choice(["1||", "1.2|km", "900|m", "300|km", "12000|km", "1|[mi_i]"]).rstrip("|")
        return "", f"{value.data['latitude']}|{value.data['longitude']}|{distance}"

    def prefix(self) -> str:
        return self.chance.choice(["", "", *PREFIXES])

    def number(self, stored: Any) -> str:
        """The number, written with more or fewer digits, or another one."""
        text = format(Decimal(stored), "f")
        forms = [
            str(stored),
            text,
            text.partition(".")[0] or "0",
            text + ("0" if "." in text else ".0"),
            self.chance.choice(AMOUNTS),
        ]
        return self.chance.choice(forms)
