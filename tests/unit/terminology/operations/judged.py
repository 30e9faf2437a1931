"""Small code systems and value sets of shapes, and validations of their codes read back."""

from __future__ import annotations

from typing import Any, NamedTuple

from resources.operation import Parameters
from terminology.operations.validate_code import validate_code_system_code, validate_value_set_code
from terminology.scope import Scope

from .asked import Tree, asked, code_system, scope

SHAPES = "http://example.org/shapes"
COLOURS = "http://example.org/colours"
SETS = "http://example.org/sets/"
STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"


class Judged(NamedTuple):
    """An answer of $validate-code."""

    result: bool
    values: dict[str, Any]  # by name; of names that repeat a list
    issues: list[Tree]

    @property
    def ids(self) -> list[str]:
        """Ids of the texts, in their order."""
        return [one["extension"][0]["valueString"] for one in self.issues]

    @property
    def kinds(self) -> list[str]:
        return [f"{one['severity']} {one['details']['coding'][0]['code']}" for one in self.issues]

    @property
    def places(self) -> list[str]:
        return [place for one in self.issues for place in one.get("expression", ())]

    def text(self, message_id: str) -> str:
        return str(
            next(one["details"]["text"] for one, name in zip(self.issues, self.ids, strict=True) if name == message_id)
        )


def judged(answer: Tree) -> Judged:
    values: dict[str, Any] = {}
    for one in answer["parameter"]:
        read = next(value for key, value in one.items() if key != "name")
        known = values.get(one["name"])
        values[one["name"]] = read if known is None else [*(known if isinstance(known, list) else [known]), read]
    issues = values.pop("issues", {"issue": []})["issue"]
    return Judged(values.pop("result"), values, issues)


def in_value_set(here: Scope, *pairs: tuple[str, Any], languages: str = "", **named: Any) -> Judged:
    return judged(validate_value_set_code(here, asked(*pairs, **named), languages))


def in_code_system(here: Scope, *pairs: tuple[str, Any], languages: str = "", **named: Any) -> Judged:
    return judged(validate_code_system_code(here, asked(*pairs, **named), languages))


def value_set(name: str, *include: Tree, **more: Any) -> Tree:
    compose: Tree = {"include": list(include)}
    for key in ("exclude", "inactive"):
        if key in more:
            compose[key] = more.pop(key)
    return {"resourceType": "ValueSet", "url": f"{SETS}{name}", "status": "active", "compose": compose, **more}


def all_of(system: str = SHAPES, **more: Any) -> Tree:
    return {"system": system, **more}


def these(*codes: str, system: str = SHAPES) -> Tree:
    return {"system": system, "concept": [{"code": one} for one in codes]}


def under(code: str, op: str = "is-a") -> Tree:
    return {"system": SHAPES, "filter": [{"property": "concept", "op": op, "value": code}]}


def sets(*names: str) -> Tree:
    return {"valueSet": [f"{SETS}{one}" for one in names]}


def marked(code: str, display: str, **properties: Any) -> Tree:
    kinds = {bool: "valueBoolean", str: "valueCode"}
    return {
        "code": code,
        "display": display,
        "property": [{"code": name, kinds[type(value)]: value} for name, value in properties.items()],
    }


def shapes(**more: Any) -> Tree:
    """figure > (round > (circle, oval), angular > (square, old)); grouping is abstract, old is retired."""
    german = {"language": "de", "value": "Kreis"}
    outworn = {"value": "disc", "extension": [{"url": STATUS, "valueCode": "withdrawn"}]}
    round_ = {
        **marked("round", "Round figure", notSelectable=True),
        "concept": [{"code": "circle", "display": "Circle", "designation": [german, outworn]}, {"code": "oval"}],
    }
    angular = {
        "code": "angular",
        "display": "Angular figure",
        "concept": [
            {"code": "square", "display": "Square"},
            marked("old", "Old square", status="retired"),
            marked("weak", "Weak square", status="deprecated"),
        ],
    }
    top = {"code": "figure", "display": "Figure", "concept": [round_, angular]}
    return code_system(SHAPES, top, **{"version": "1.0", "language": "en", "hierarchyMeaning": "is-a", **more})


def here(*trees: Tree) -> Scope:
    return scope(shapes(), *trees)


def parameters(**named: Any) -> Parameters:
    return asked(**named)
