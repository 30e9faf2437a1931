"""FHIR packages: the .tgz in which implementation guides are published, read without trusting it.

A package is a gzipped tar. What lies in its folder `package` as .json is read: package.json says what it is, the others are
its definitions. Folders below it (example, openapi, xml, other) and .index.json are passed over.
https://confluence.hl7.org/display/FHIR/NPM+Package+Specification, https://registry.fhir.org/learn
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from . import exact, tarball
from .definitions import Definitions
from .outcome import BadRequest, FhirError, Issue, TooLarge, Unprocessable

MOST_PACKED: Final = 100_000_000  # bytes of a .tgz
_MOST_NAMED: Final = 100  # issues of one refusal
_FOLDER: Final = "package/"
_MANIFEST: Final = "package/package.json"

_is_name = re.compile(r"(?:@[A-Za-z0-9][A-Za-z0-9._-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII).fullmatch
_is_version = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", re.ASCII).fullmatch
_is_id = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII).fullmatch
_core = re.compile(r"hl7\.fhir\.r(\w+)\.core").fullmatch
# Definitions that R4 gives no url, and which are part of packages all the same.
_WITHOUT_URL: Final = frozenset({"NamingSystem"})


@dataclass(frozen=True, slots=True)
class Packed:
    """A definition in a package."""

    file: str  # "package/ValueSet-colours.json"
    resource_type: str
    logical_id: str
    url: str  # its canonical URL; "" where the type has none
    version: str  # its business version; "" without one
    text: bytes

    def tree(self) -> dict[str, Any]:
        """The exact tree, made anew for the caller."""
        return exact.decode(self.text)

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}" if self.version else self.url


@dataclass(frozen=True, slots=True)
class Package:
    """A package as it was read."""

    name: str
    version: str
    manifest: Mapping[str, Any]  # package.json
    dependencies: Mapping[str, str]  # name of a package → version, as it is written there
    resources: tuple[Packed, ...]  # in the order of the names of their files
    passed_over: tuple[str, ...]  # .json files of its folder that are no definitions
    digest: bytes  # of all that is read of it: the same for the same content, however it was packed

    @property
    def label(self) -> str:
        return f"{self.name}#{self.version}"


def read(definitions: Definitions, packed: bytes) -> Package:
    """The package in the bytes of a .tgz (or of the bare tar).

    Raises BadRequest (400: no archive, or one that nobody should unpack), Malformed (400: a file is no JSON), TooLarge
    (413), Unprocessable (422: not a package, not for R4, contradicting itself); each names the file."""
    if len(packed) > MOST_PACKED:
        raise TooLarge(f"A package has at most {MOST_PACKED} bytes.")
    files: dict[str, bytes] = {}
    for file, content in tarball.files(packed, _is_read):
        if file in files:
            raise BadRequest(f"The package has two files {file}.", code="duplicate")
        files[file] = content
    text = files.pop(_MANIFEST, None)
    if text is None:
        raise Unprocessable(f"This is no FHIR package: it has no {_MANIFEST}.", code="structure")
    manifest = _decoded(_MANIFEST, text)
    name, version = _stated(manifest, "name", _is_name), _stated(manifest, "version", _is_version)
    dependencies = _dependencies(manifest)
    _check_release(manifest, dependencies)
    resources, passed_over = [], []
    digest = hashlib.blake2b(text, digest_size=32)
    for file, content in sorted(files.items()):
        one = _packed(definitions, file, content)
        if one is None:
            passed_over.append(file)
        else:
            resources.append(one)
            digest.update(f"\0{file}\0{len(content)}\0".encode() + content)
    _refuse_twice(resources)
    return Package(name, version, manifest, dependencies, tuple(resources), tuple(passed_over), digest.digest())


def _is_read(name: str) -> bool:
    inner = name.removeprefix(_FOLDER)
    return name.startswith(_FOLDER) and inner.endswith(".json") and "/" not in inner and not inner.startswith(".")


def _decoded(file: str, text: bytes) -> dict[str, Any]:
    try:
        return exact.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except FhirError as error:
        issues = [Issue(one.severity, one.code, f"{file}: {one.diagnostics}", (), one.location) for one in error.issues]
        raise type(error)(issues=issues) from None


def _stated(manifest: Mapping[str, Any], key: str, is_one: Any) -> str:
    found = manifest.get(key)
    if not isinstance(found, str) or not is_one(found):
        said = "is missing" if found is None else f"cannot be {ascii(found)[:100]}"
        raise Unprocessable(f"{_MANIFEST}: {key} {said}.", code="required" if found is None else "value")
    return found


def _dependencies(manifest: Mapping[str, Any]) -> dict[str, str]:
    stated = manifest.get("dependencies") or {}
    try:
        return msgspec.convert(stated, dict[str, str])
    except msgspec.ValidationError:
        raise Unprocessable(
            f"{_MANIFEST}: dependencies is not an object of names and versions.", code="structure"
        ) from None


def _check_release(manifest: Mapping[str, Any], dependencies: Mapping[str, str]) -> None:
    """Raises Unprocessable (422) for a package that is not made for R4. Old ones say it in their dependencies only."""
    stated = manifest.get("fhirVersions", manifest.get("fhir-version-list", manifest.get("fhirVersion")))
    releases = [one for one in (stated if isinstance(stated, list) else [stated]) if isinstance(one, str)]
    if not releases:
        releases = [f"R{found[1]}" for name in dependencies if (found := _core(name))]
    if releases and not any(re.fullmatch(r"4\.0(\..*)?|R4", one) for one in releases):
        message = f"{_MANIFEST}: the package is made for FHIR {', '.join(releases)[:100]}; this server speaks 4.0.1."
        raise Unprocessable(message, code="not-supported")


def _packed(definitions: Definitions, file: str, text: bytes) -> Packed | None:
    """A file as the definition it is; None where it is none. Raises Malformed (400), Unprocessable (422)."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    tree = _decoded(file, text)
    resource_type, logical_id = tree.get("resourceType"), tree.get("id")
    if resource_type is None:
        return None
    if not isinstance(resource_type, str) or not definitions.is_resource_type(resource_type):
        raise Unprocessable(
            f"{file}: {ascii(resource_type)[:100]} is not a resource type of FHIR R4.", code="structure"
        )
    if not is_definitional(definitions, resource_type):
        return None
    if not isinstance(logical_id, str) or not _is_id(logical_id):
        raise Unprocessable(
            f"{file}: a resource of a package has an id; {ascii(logical_id)[:100]} is none.", code="value"
        )
    url, version = tree.get("url"), tree.get("version")
    if resource_type not in _WITHOUT_URL and not (isinstance(url, str) and url):
        raise Unprocessable(f"{file}: it has no url, and so nothing could refer to it.", code="required")
    return Packed(
        file,
        resource_type,
        logical_id,
        url if isinstance(url, str) else "",
        version if isinstance(version, str) else "",
        text,
    )


def is_definitional(definitions: Definitions, resource_type: str) -> bool:
    """Whether resources of a type define something, and so are what packages consist of: they have a canonical URL.

    https://hl7.org/fhir/R4/resource.html#canonical"""
    names = {element.name for element in definitions.structures[resource_type].children[resource_type]}
    return {"url", "status", "date"} <= names or resource_type in _WITHOUT_URL


def _refuse_twice(resources: Iterable[Packed]) -> None:
    """Raises Unprocessable (422) where two files define the same, or would be stored in the same place."""
    issues, seen = [], dict[tuple[str, str], str]()
    for one in resources:
        for what in filter(None, (one.url, f"{one.resource_type}/{one.logical_id}")):
            other = seen.setdefault((one.resource_type, what), one.file)
            if other != one.file:
                issues.append(Issue("error", "duplicate", f"{other} and {one.file} both define {what[:300]}."))
    if issues:
        raise Unprocessable(issues=issues[:_MOST_NAMED])
