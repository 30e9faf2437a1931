"""Profiles made from a few elements, as a StructureDefinition has them, and what judging an instance by them finds."""

from __future__ import annotations

from typing import Any

from resources.exact import decode, encode
from resources.fhirpath import Outside
from resources.outcome import Issue
from resources.profiles.compiler import check_of
from resources.profiles.definition import Profile
from resources.profiles.reading import read
from resources.profiles.run import Run
from tests.unit.resources.profiles.stand_in import DEFINITIONS, Known

URL = "http://example.org/StructureDefinition/made"
Tree = dict[str, Any]


def element(id: str, **content: Any) -> Tree:
    """One ElementDefinition; its path and slice name are those that the id says."""
    parts = [part.partition(":") for part in id.split(".")]
    made: Tree = {"id": id, "path": ".".join(name for name, _, _ in parts), "min": 0, "max": "*"}
    if parts[-1][2]:
        made["sliceName"] = parts[-1][2]
    return {**made, **content}


def profile_of(type_name: str, *elements: Tree, url: str = URL, name: str = "Made") -> Profile:
    """A profile whose snapshot has the root and these elements, nothing else."""
    root = [] if elements and elements[0]["id"] == type_name else [element(type_name)]
    tree = {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": name,
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": type_name,
        "derivation": "constraint",
        "snapshot": {"element": [*root, *elements]},
    }
    return read(decode(encode(tree)))


def types(*codes: str, profile: list[str] | None = None, targets: list[str] | None = None) -> list[Tree]:
    more = {name: value for name, value in (("profile", profile), ("targetProfile", targets)) if value}
    return [{"code": code, **more} for code in codes]


def slicing(*discriminators: tuple[str, str], rules: str = "open", ordered: bool = False) -> Tree:
    told = [{"type": kind, "path": path} for kind, path in discriminators]
    return {**({"discriminator": told} if told else {"description": "by nothing"}), "rules": rules, "ordered": ordered}


def issues(
    profile: Profile, tree: Tree, world: Known | None = None, outside: Outside | None = None
) -> tuple[Issue, ...]:
    """What the profile finds in a resource, or in a value of a data type that is put into an Extension."""
    run = Run(DEFINITIONS, world or Known(), decode(encode(tree)), outside or Outside())
    check_of(DEFINITIONS, profile)(run.root, run)
    return tuple(run.issues)


def found(
    profile: Profile, tree: Tree, world: Known | None = None, outside: Outside | None = None
) -> list[tuple[str, str, str]]:
    """Severity, code and place of each issue; hints are left out."""
    judged = issues(profile, tree, world, outside)
    return [(one.severity, one.code, one.expression[0]) for one in judged if one.severity != "information"]
