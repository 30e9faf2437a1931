"""Makes terminology/data/hl7.zip from HL7's terminology package (THO).

    npm pack hl7.terminology.r4@7.0.1
    python terminology/data/build.py hl7.terminology.r4-7.0.1.tgz

The package is CC0-1.0. hl7.zip holds its code systems and value sets without narrative, provenance and what only a reader
of the page needs (DROPPED): `index.json`, one entry a resource, and members of some SIZE characters with one resource a
line, so that a process reads only what it uses. Of SNOMED CT, LOINC and the ICDs the package has no code system with
concepts, and the script stops if one should appear; the codes that HL7's value sets enumerate stay. The same input
gives the same bytes (with the same liblzma).
https://terminology.hl7.org
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SHA256 = "170c546f761fb51b3355788ca500206f6b772b21c57348c29205de85a6612baa"
OUT = Path(__file__).with_name("hl7.zip")
TYPES = ("CodeSystem", "ValueSet")
DROPPED = "text meta contact identifier purpose jurisdiction useContext"
KEPT_EXTENSIONS = ("structuredefinition-standards-status", "valueset-supplement", "codesystem-properties-mode")
ELSEWHERE = ("http://snomed.info/", "http://loinc.org", "http://hl7.org/fhir/sid/icd", "http://id.who.int/icd")
STATED = "url version status content valueSet supplements"
SIZE = 400_000


def read_package(package: Path) -> list[Json]:
    """The resources of the package that are kept, in the order of type, URL and version."""
    text = package.read_bytes()
    if hashlib.sha256(text).hexdigest() != SHA256:
        raise SystemExit(f"{package} is not hl7.terminology.r4 7.0.1: its sha256 differs from {SHA256}")
    found = []
    with tarfile.open(fileobj=io.BytesIO(text)) as tar:
        for member in tar:
            name = member.name.removeprefix("package/")
            if member.isfile() and name.startswith(tuple(f"{one}-" for one in TYPES)) and name.endswith(".json"):
                read = json.loads(tar.extractfile(member).read(), parse_float=exact)  # type: ignore[union-attr]
                found.append(trimmed(read))
    return sorted(found, key=lambda one: (one["resourceType"], one["url"], one.get("version", "")))


def exact(number: str) -> float:
    """No decimal would survive a float; there is none in the package."""
    raise SystemExit(f"{number}: a decimal, which this script would damage")


def trimmed(resource: Json) -> Json:
    if "concept" in resource and resource["url"].startswith(ELSEWHERE):
        raise SystemExit(f"{resource['url']} has concepts: its owner's licence does not allow to pass them on")
    kept = {name: value for name, value in resource.items() if name not in DROPPED.split()}
    if "extension" in kept:
        kept["extension"] = [one for one in kept["extension"] if one["url"].endswith(KEPT_EXTENSIONS)]
        if not kept["extension"]:
            del kept["extension"]
    return kept


def members(resources: list[Json]) -> tuple[list[Json], list[str]]:
    """The index, and the members that its entries point into: [number of the member, line]."""
    index: list[Json] = []
    texts: list[str] = []
    lines: list[str] = []
    length = 0
    for one in resources:
        line = json.dumps(one, ensure_ascii=False, separators=(",", ":"))
        if lines and length + len(line) > SIZE:
            texts.append("\n".join(lines))
            lines, length = [], 0
        entry: Json = {"resourceType": one["resourceType"], **stated(one), "at": [len(texts), len(lines)]}
        index.append(entry)
        lines.append(line)
        length += len(line)
    return index, [*texts, "\n".join(lines)]


def stated(resource: Json) -> Json:
    """What the index says of a resource."""
    return {name: resource[name] for name in STATED.split() if name in resource}


def zipped(index: list[Json], texts: list[str]) -> bytes:
    out = io.BytesIO()
    named = {"index.json": json.dumps(index, ensure_ascii=False, separators=(",", ":"))}
    named |= {f"{number}.ndjson": text for number, text in enumerate(texts)}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        for name, text in named.items():  # a ZipInfo of 1980: no clock in the file
            archive.writestr(zipfile.ZipInfo(name), text.encode(), zipfile.ZIP_LZMA)
    return out.getvalue()


def main(package: Path) -> None:
    OUT.write_bytes(zipped(*members(read_package(package))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
