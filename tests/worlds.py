"""A world of validation without a database: R4's own definitions and those of packages as they are published."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from resources import exact
from resources.definitions import Definitions
from resources.outcome import Issue
from resources.profiles.definition import Profile
from resources.profiles.official import official, official_tree
from resources.profiles.reading import read
from resources.profiles.snapshot import with_snapshot
from resources.profiles.world import Coding, Membership, Tree
from resources.validation.rules import Rules
from resources.validation.validator import Validator
from terminology.membership.members import Members
from terminology.membership.questions import Terminology
from terminology.stored import Found, Wanted

from .suites import DATA

PACKAGES = DATA / "packages"
US_CORE = PACKAGES / "hl7.fhir.us.core-6.1.0.tgz"
IPS = PACKAGES / "hl7.fhir.uv.ips-1.1.0.tgz"


def packed(package: Path, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file name, resource) of what lies in a folder of a package: "package" or "package/example"."""
    with tarfile.open(package) as tar:
        for member in tar:
            where, _, name = member.name.rpartition("/")
            content = tar.extractfile(member) if where == folder and name.endswith(".json") else None
            if content and name not in ("package.json", ".index.json"):
                tree = exact.decode(content.read())
                if "resourceType" in tree:
                    yield name, tree


class World:
    """See resources.profiles.world; also what terminology.Terminology reads from."""

    tenant_id = 1

    def __init__(self, definitions: Definitions, packages: Iterable[Path] = ()) -> None:
        self._definitions = definitions
        self._terminology = Terminology.alone(definitions)
        self._stored: dict[tuple[str, str], list[Found]] = {}
        self._profiles: dict[str, Profile | None] = {}
        self._members: dict[str, Members] = {}
        self.resources: dict[str, Tree] = {}  # "Type/id" → what a reference finds
        for package in packages:
            for _, tree in packed(package, "package"):
                if "url" in tree:
                    rows = self._stored.setdefault((tree["resourceType"], tree["url"]), [])
                    rows.append(Found(tree["id"], len(rows) + 1, tree))

    def profile(self, canonical: str) -> Profile | None:
        if canonical not in self._profiles:
            tree = self._structure(canonical)
            own = None if tree is None else read(with_snapshot(tree, self._with_snapshot))
            self._profiles[canonical] = official(self._definitions, canonical) or own
        return self._profiles[canonical]

    def member_of(self, value_set: str, coding: Coding) -> Membership:
        return self._of(value_set).has(coding)

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        return self._of(value_set).listed(20)

    def subsumes(self, one: Coding, other: Coding) -> bool | None:
        return None

    def resource(self, reference: str) -> Tree | None:
        return self.resources.get(reference)

    def _structure(self, canonical: str) -> dict[str, Any] | None:
        url, _, version = canonical.partition("|")
        rows = self._stored.get(("StructureDefinition", url), ())
        trees = (row.tree for row in rows if row.tree is not None)
        return next((tree for tree in trees if version in ("", tree.get("version"))), None)

    def _with_snapshot(self, canonical: str) -> Mapping[str, Any] | None:
        known = official_tree(self._definitions, canonical) or self._structure(canonical)
        return None if known is None else with_snapshot(known, self._with_snapshot)

    def _of(self, value_set: str) -> Members:
        if value_set not in self._members:
            self._members |= asyncio.run(self._terminology.members(self, [value_set]))
        return self._members[value_set]

    # terminology.stored.Stored

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        return [self._stored.get(one, ()) for one in wanted]

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        return {}


def issues(validator: Validator, rules: Rules, world: World, tree: dict[str, Any]) -> tuple[Issue, ...]:
    """Everything that is to be said of a resource, as $validate says it: the base rules, and if they hold the others."""
    base = validator.issues(tree.get("resourceType", "Resource"), tree)
    return base if broken(base) else (*base, *rules.issues(tree, world))


def broken(found: Iterable[Issue]) -> bool:
    return any(issue.severity in ("error", "fatal") for issue in found)
