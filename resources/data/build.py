"""Makes resources/data/r4.zip and tests/data/examples.tar.xz from the official package of FHIR R4.

    npm pack hl7.fhir.r4.examples@4.0.1
    python resources/data/build.py hl7.fhir.r4.examples-4.0.1.tgz

The package is CC0-1.0 and is the whole of R4: 5,306 JSON resources, the download bundles of the specification among
them. The same input gives the same bytes (with the same liblzma).

r4.zip holds what the server needs at run time, one member per kind, so that a process reads only what it uses:
the resources of the bundles in MEMBERS, without narrative, provenance and what only a reader of the page needs
(STRUCTURE_KEPT, ELEMENT_KEPT, DROPPED), and codes.json: the codes of every required value set that can be enumerated.
Terminology content is what HL7's own bundles state. Of SNOMED CT, LOINC and the ICDs they have no code system with
concepts, and the script stops if one should appear; the codes that HL7's value sets enumerate stay.

examples.tar.xz holds the package's resources byte for byte in two folders. A file lies in `definitions` if it is one of
the bundles in MEMBERS, or if its resource (type and canonical URL) is in r4.zip too; every other file is an example and
lies in `examples`.
https://hl7.org/fhir/R4/downloads.html
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SHA256 = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682"
ROOT = Path(__file__).resolve().parents[2]
MEMBERS = {  # member of r4.zip → the resource type it holds, the bundles it comes from, the key it is found by
    "structures.json": ("StructureDefinition", ("resources", "types"), "name"),
    "search-parameters.json": ("SearchParameter", ("searchParams",), "url"),
    "operations.json": ("OperationDefinition", ("resources",), "url"),
    "compartments.json": ("CompartmentDefinition", ("resources",), "code"),
    "profiles.json": ("StructureDefinition", ("profiles-others", "extensions"), "url"),
    "value-sets.json": ("ValueSet", ("valuesets", "v3-valuesets", "v2-valuesets"), "url"),
    "code-systems.json": ("CodeSystem", ("valuesets", "v3-valuesets", "v2-valuesets"), "url"),
    "concept-maps.json": ("ConceptMap", ("conceptmaps",), "url"),
}
STRUCTURE_KEPT = (
    "resourceType id url version name title status fhirVersion kind abstract type baseDefinition derivation context "
    "contextInvariant"
)
ELEMENT_KEPT = (
    "id path sliceName min max base type contentReference condition maxLength slicing isModifier isSummary mustSupport "
    "representation short"
)
ELEMENT_KEPT_KINDS = ("fixed", "pattern", "minValue", "maxValue", "defaultValue")
DROPPED = "text meta contact publisher mapping copyright purpose jurisdiction useContext extension xpath xpathUsage"
ELSEWHERE = ("http://snomed.info/", "http://loinc.org", "http://hl7.org/fhir/sid/icd", "http://id.who.int/icd")


def read_package(package: Path) -> dict[str, bytes]:
    """File name → bytes of every resource of the package, in the order of names."""
    text = package.read_bytes()
    if hashlib.sha256(text).hexdigest() != SHA256:
        raise SystemExit(f"{package} is not hl7.fhir.r4.examples 4.0.1: its sha256 differs from {SHA256}")
    with tarfile.open(fileobj=io.BytesIO(text)) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar if m.isfile() and m.name.endswith(".json")}  # type: ignore[union-attr]
    names = sorted(name for name in files if name != "package/package.json")
    return {name.removeprefix("package/"): files[name] for name in names}


def definitions(files: dict[str, bytes]) -> dict[str, dict[str, Json]]:
    """Member → key → trimmed resource."""
    bundles = {name: entries(files[f"Bundle-{name}.json"]) for _, names, _ in MEMBERS.values() for name in names}
    return {
        member: {r[key]: trimmed(r) for name in names for r in bundles[name] if r["resourceType"] == resource_type}
        for member, (resource_type, names, key) in MEMBERS.items()
    }


def entries(bundle: bytes) -> list[Json]:
    # Decimals stay text: nothing here is a number with a point, and the encoder would stop at a Decimal.
    return [entry["resource"] for entry in json.loads(bundle, parse_float=str)["entry"]]


def trimmed(resource: Json) -> Json:
    if "snapshot" in resource:
        elements = [trimmed_element(element) for element in resource["snapshot"]["element"]]
        return {**only(resource, STRUCTURE_KEPT), "snapshot": {"element": elements}}
    if "concept" in resource and resource["url"].startswith(ELSEWHERE):
        raise SystemExit(f"{resource['url']} has concepts: its owner's licence does not allow to pass them on")
    return {name: value for name, value in resource.items() if name not in DROPPED.split()}


def trimmed_element(element: Json) -> Json:
    kept = only(element, ELEMENT_KEPT)
    kept |= {name: value for name, value in element.items() if name.startswith(ELEMENT_KEPT_KINDS)}
    if "binding" in element:
        kept["binding"] = only(element["binding"], "strength valueSet")
    if "constraint" in element:
        kept["constraint"] = [only(one, "key severity human expression source") for one in element["constraint"]]
    return kept


def only(value: Json, names: str) -> Json:
    return {name: value[name] for name in names.split() if name in value}


def required_codes(structures: dict[str, Json], expansions: bytes) -> dict[str, dict[str, list[str]]]:
    """Value set → system → codes, for required bindings with a whole official expansion; no abstract codes."""
    expanded = {value_set["url"]: value_set["expansion"] for value_set in entries(expansions)}
    bindings = [e["binding"] for s in structures.values() for e in s["snapshot"]["element"] if "binding" in e]
    codes: dict[str, dict[str, list[str]]] = {}
    for url in sorted({b["valueSet"].split("|")[0] for b in bindings if b["strength"] == "required"}):
        expansion = expanded.get(url, {})
        if "contains" in expansion and "extension" not in expansion:  # the extensions: too costly, unclosed
            for system, code in concepts(expansion["contains"]):
                codes.setdefault(url, {}).setdefault(system, []).append(code)
    return codes


def concepts(contains: list[Json]) -> Iterator[tuple[str, str]]:
    for concept in contains:
        if "code" in concept and not concept.get("abstract"):
            yield concept["system"], concept["code"]
        yield from concepts(concept.get("contains", []))


def zipped(members: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_LZMA)  # a ZipInfo of 1980: no clock in the file
    return out.getvalue()


def tarred(files: dict[str, bytes], members: dict[str, dict[str, Json]]) -> bytes:
    kinds = {member: kind for member, (kind, _, _) in MEMBERS.items()}
    known = {(kinds[member], resource["url"]) for member in members for resource in members[member].values()}
    sources = {f"Bundle-{name}.json" for _, names, _ in MEMBERS.values() for name in names}
    folders = {
        name: "definitions" if name in sources or identity(files[name]) in known else "examples" for name in files
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # examples first, so that a reader of them can stop; then the bundles, which the compressor finds again after
        for name in sorted(files, key=lambda name: (folders[name] != "examples", name not in sources, name)):
            info = tarfile.TarInfo(f"{folders[name]}/{name}")
            info.size = len(files[name])
            tar.addfile(info, io.BytesIO(files[name]))
    window = {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 26}
    return lzma.compress(out.getvalue(), filters=[window])


def identity(resource: bytes) -> tuple[str, str]:
    read = json.loads(resource, parse_float=str)
    return read["resourceType"], read.get("url", "")


def main(package: Path) -> None:
    files = read_package(package)
    members = definitions(files)
    codes = required_codes(members["structures.json"], files["Bundle-valueset-expansions.json"])
    (ROOT / "resources/data/r4.zip").write_bytes(zipped({**members, "codes.json": codes}))
    (ROOT / "tests/data/examples.tar.xz").write_bytes(tarred(files, members))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
