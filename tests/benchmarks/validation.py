"""What validation costs, as ratios within one run: nothing here is a time that another machine would have to meet.

Tier 1 next to orjson.loads of the same bytes; all base constraints, and a profile, next to tier 1. Each is the quickest of
many short rounds, so that what else the machine does counts little. https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from resources import definitions, exact
from resources.definitions import Definitions
from resources.profiles import reading
from resources.profiles.definition import Profile
from resources.profiles.official import official
from resources.profiles.world import YES, Coding, Membership, Tree
from resources.validation.rules import Rules
from resources.validation.validator import Validator

from .. import examples
from ..suites import DATA
from .workload import bundle, observation

PACKAGE: Final = DATA / "packages/hl7.fhir.us.core-6.1.0.tgz"
US_CORE_PATIENT: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
# Official examples, as they are when minified: a Patient of 2.5 kB and an Observation of 4 kB.
PATIENT, OBSERVATION = "Patient-f001.json", "Observation-blood-pressure.json"
ENTRIES: Final = 650  # of a Bundle of 1.2 MB
MOST: Final = 5.0  # times orjson.loads


class Known:
    """A World of profiles by URL, where every code is in every value set: terminology is not measured here."""

    def __init__(self, types: Definitions, trees: Mapping[str, Tree]) -> None:
        self._types = types
        self._profiles: dict[str, Profile | None] = {url: reading.read(tree) for url, tree in trees.items()}

    def profile(self, canonical: str) -> Profile | None:
        url = canonical.partition("|")[0]
        if url not in self._profiles:
            self._profiles[url] = official(self._types, url)
        return self._profiles[url]

    def member_of(self, value_set: str, coding: Coding) -> Membership:
        return YES

    def subsumes(self, one: Coding, other: Coding) -> bool | None:
        return None

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        return None

    def resource(self, reference: str) -> Tree | None:
        return None


def quickest(work: Callable[[], object], seconds: float = 0.5) -> float:
    """Seconds of one run of the work: the best of rounds of some 100 µs."""
    start = time.perf_counter()
    work()
    many = max(1, int(1e-4 / (time.perf_counter() - start)))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(many):
            work()
        best = min(best, (time.perf_counter() - start) / many)
    return best


def package(path: Path) -> Iterator[dict[str, Any]]:
    """The resources of a package, its examples included."""
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            if folder in ("package", "package/example") and name.endswith(".json"):
                content = archive.extractfile(member)
                tree = exact.decode(content.read()) if content else {}
                if "resourceType" in tree:
                    yield tree


def tier_one(validator: Validator) -> Iterator[str]:
    """Lines about the base rules that are judged on every write."""
    wanted = {name: exact.decode(text) for name, text in examples.examples() if name in (PATIENT, OBSERVATION)}
    trees = [wanted[PATIENT], wanted[OBSERVATION], bundle([observation(n) for n in range(ENTRIES)])]
    for tree in trees:
        text = exact.encode(tree)
        assert validator.check(tree["resourceType"], tree) == ()
        base = quickest(lambda text=text: orjson.loads(text))  # type: ignore[misc]
        judged = quickest(lambda tree=tree: validator.check(tree["resourceType"], tree))  # type: ignore[misc]
        ratio = judged / base
        mark = " !" if ratio > MOST else ""
        name = f"tier 1, {tree['resourceType']} of {len(text):,} bytes"
        yield f"| {name} | {judged * 1e6:.1f} | orjson.loads | {base * 1e6:.1f} | **{ratio:.1f}**{mark} |"


def tier_two(types: Definitions, validator: Validator) -> Iterator[str]:
    """Lines about the constraints of R4 and a profile, of a Patient of US Core."""
    resources = list(package(PACKAGE))
    world = Known(types, {tree["url"]: tree for tree in resources if tree["resourceType"] == "StructureDefinition"})
    [conforming] = [tree for tree in resources if (tree["resourceType"], tree.get("id")) == ("Patient", "example")]
    plain = {name: value for name, value in conforming.items() if name != "meta"}
    rules = Rules(types)
    for tree, profiles in ((plain, ()), (plain, (US_CORE_PATIENT,))):
        assert not [issue for issue in rules.issues(tree, world, profiles) if issue.severity == "error"]
    size = f"Patient of {len(exact.encode(plain)):,} bytes"
    base = quickest(lambda: validator.check("Patient", plain))
    for name, profiles in (
        ("constraints and extensions of R4", ()),
        ("the same and US Core Patient", (US_CORE_PATIENT,)),
    ):
        judged = quickest(lambda profiles=profiles: rules.issues(plain, world, profiles))  # type: ignore[misc]
        yield f"| {name}, {size} | {judged * 1e6:.0f} | tier 1 | {base * 1e6:.1f} | **{judged / base:.1f}** |"


def lines() -> Iterator[str]:
    types = definitions.load()
    validator = Validator(types)
    yield "| validation | µs | next to | µs | ratio |"
    yield "|---|---|---|---|---|"
    yield from tier_one(validator)
    if PACKAGE.exists():
        yield from tier_two(types, validator)
    else:
        yield f"| a profile: {PACKAGE.name} is not there | | | | |"


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
