"""What a worker's memory grows by once US Core and IPS are installed and their examples have been validated.

The worker has validated a resource by R4's own rules before, so that what every server needs is not counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from resources import exact

from ..serving import postmaster, serve
from ..suites import DATA
from .processes import children, resident_megabytes
from .validation import PACKAGE, US_CORE_PATIENT, package

PACKAGES: Final = (PACKAGE, DATA / "packages/hl7.fhir.uv.ips-1.1.0.tgz")
IPS_PATIENT: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Patient-uv-ips"
MOST: Final = 150  # MB
_JSON: Final = {"Content-Type": "application/fhir+json"}


def memory() -> Iterator[str]:
    if not all(path.exists() for path in PACKAGES):
        yield "Memory with packages: they are not there"
        return
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as folder:
        data_dir = Path(folder) / "data"
        with serve(data_dir, "--workers", "1") as serving, httpx.Client(base_url=serving.base, timeout=600) as http:
            server = serving.process.pid
            workers = [pid for pid in children(server) if pid != postmaster(data_dir)] or [server]
            resources = [tree for path in PACKAGES for tree in package(path)]
            theirs = {tree["url"] for tree in resources if tree["resourceType"] == "StructureDefinition"}
            trees = [tree for tree in resources if theirs.intersection(tree.get("meta", {}).get("profile", ()))]
            unknown = _validate(http, trees)  # of profiles that are not there: the same resources by R4 alone
            assert len(unknown) == len(trees), f"{len(unknown)} of {len(trees)} claim a profile that is not known"
            before = max(map(resident_megabytes, workers))
            for path in PACKAGES:
                content = path.read_bytes()
                answer = http.post("/$package-install", content=content, headers={"Content-Type": "application/gzip"})
                assert answer.status_code == 200, answer.text
            installed = max(map(resident_megabytes, workers))
            unknown = _validate(http, trees)
            assert not unknown, f"{len(unknown)} were not judged by their profile: {unknown[:5]}"
            _refuse(http)
            after = max(map(resident_megabytes, workers))
    mark = " !" if after - before > MOST else ""
    yield (
        f"Memory of a worker: {before:.0f} MB; {installed:.0f} MB after US Core and IPS are installed, {after:.0f} MB after "
        f"their {len(trees)} examples are validated: {after - before:.0f} MB more{mark}"
    )


def _validate(http: httpx.Client, trees: list[dict[str, Any]]) -> list[str]:
    """Those that were not judged by a profile they claim, since it is not known."""
    unknown = []
    for tree in trees:
        issues = _issues(http, tree)
        if any(issue["code"] == "not-found" and " against the profile " in issue["diagnostics"] for issue in issues):
            unknown.append(f"{tree['resourceType']}/{tree.get('id')}")
    return unknown


def _refuse(http: httpx.Client) -> None:
    """A Patient without what US Core and IPS ask for is not valid by either: they are really used."""
    for profile in (US_CORE_PATIENT, IPS_PATIENT):
        issues = _issues(http, {"resourceType": "Patient", "meta": {"profile": [profile]}, "active": True})
        rules = {one["system"] for issue in issues if "details" in issue for one in issue["details"]["coding"]}
        assert profile in rules, issues


def _issues(http: httpx.Client, tree: dict[str, Any]) -> list[dict[str, Any]]:
    answer = http.post(f"/{tree['resourceType']}/$validate", content=exact.encode(tree), headers=_JSON)
    assert answer.status_code == 200, answer.text
    issues: list[dict[str, Any]] = answer.json()["issue"]
    return issues


if __name__ == "__main__":
    for line in memory():
        print(line)
