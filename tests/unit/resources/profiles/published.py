"""StructureDefinitions that others published, as exact trees: those of US Core and IPS, and R4's own, untrimmed."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from resources import definitions, exact
from resources.profiles.definition import Rule
from resources.profiles.official import official_tree
from resources.profiles.reading import read
from resources.profiles.snapshot import with_snapshot
from tests.examples import package
from tests.suites import DATA

R4 = definitions.load()
BUNDLES = ("Bundle-types.json", "Bundle-resources.json", "Bundle-profiles-others.json", "Bundle-extensions.json")

Tree = dict[str, Any]


@cache
def of_packages() -> dict[str, Tree]:
    """URL → StructureDefinition of all packages of the suite; a folder below `package` holds examples."""
    found = {}
    for archive in sorted((DATA / "packages").glob("*.tgz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.name.startswith("package/StructureDefinition-") else None
                if content:
                    tree = exact.decode(content.read())
                    found[tree["url"]] = tree
    return found


@cache
def of_r4() -> dict[str, Tree]:
    """URL → StructureDefinition of the official bundles, with differentials."""
    trees = (tree for name, text in package() if name in BUNDLES for tree in _entries(text))
    return {tree["url"]: tree for tree in trees if tree["resourceType"] == "StructureDefinition"}


def _entries(text: bytes) -> Iterator[Tree]:
    yield from (entry["resource"] for entry in exact.trusted(text)["entry"])


@cache
def structure(canonical: str) -> Tree | None:
    """What a server knows that has the packages: R4's own as they are shipped."""
    return official_tree(R4, canonical) or of_packages().get(canonical.partition("|")[0])


@cache
def structure_of_r4(canonical: str) -> Tree | None:
    return official_tree(R4, canonical)


def made(tree: Tree, known: Callable[[str], Any] = structure_of_r4) -> dict[str, Rule]:
    """Id → rule of the snapshot that a StructureDefinition has or is given."""
    return {rule.id: rule for rule in rules(read(with_snapshot(tree, known)).root)}


def rules(rule: Rule) -> Iterator[Rule]:
    yield rule
    for one in (*rule.children, *rule.slices):
        yield from rules(one)
