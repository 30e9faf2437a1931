"""$meta, $meta-add and $meta-delete: profiles, security labels and tags, read and changed without the rest.

https://hl7.org/fhir/R4/resource-operation-meta.html, https://hl7.org/fhir/R4/resource-operation-meta-add.html,
https://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from resources import exact
from resources.database import Session
from resources.operation import Parameters
from resources.outcome import NotSupported
from resources.store import Version
from search.labels import labels

from ..exchange import Request, Response, instant
from ..reading import is_logical_id, is_version_id, present
from ..writing import changing, store_changed

Meta = dict[str, Any]
_CODED: Final = ("security", "tag")


async def meta(session: Session, request: Request, parameters: Parameters) -> Response:
    """The meta of a resource or of one of its versions, or the labels that a type or the tenant has in use: 200.

    Raises NotFound (404), Gone (410), TooCostly (403)."""
    match request.path[:-1]:
        case (resource_type, logical_id, *version):
            found = await _present(session, request, resource_type, logical_id, *version[1:])
            return _answer(_meta_text(found))
        case of:
            types = of or request.tenant.definitions.resource_types
            return _answer(exact.encode(await labels(session, request.tenant.definitions, types)).decode())


async def meta_add(session: Session, request: Request, parameters: Parameters) -> Response:
    """Adds profiles, security labels and tags to a resource: 200 with its meta. What it has already is left alone.

    Raises NotFound (404), Gone (410), PreconditionFailed (412: If-Match)."""
    return await _changed(session, request, partial(added, parameters.one("meta")))


async def meta_delete(session: Session, request: Request, parameters: Parameters) -> Response:
    """Takes profiles, security labels and tags off a resource: 200 with its meta. Raises what meta_add does."""
    return await _changed(session, request, partial(removed, parameters.one("meta")))


async def _changed(session: Session, request: Request, change: Callable[[Meta], Meta]) -> Response:
    resource_type, logical_id, *version, _ = request.path
    if version:
        raise NotSupported("Past versions are never changed; labels are added to and taken off the current one.")

    async def attempt(inner: Session) -> Response:
        current = await _present(inner, request, resource_type, logical_id)
        tree = exact.decode((current.body or "").encode())
        after = change(tree.get("meta", {}))
        # Where that is no change, there is no new version.
        written = await store_changed(inner, request, current, {**tree, "meta": after})
        after["versionId"] = str(written.version_id)
        if written.last_updated:
            after["lastUpdated"] = instant(written.last_updated)
        return _answer(exact.encode(after).decode())

    return await changing(session, request, (resource_type, logical_id), attempt)


def added(given: Mapping[str, Any], before: Meta) -> Meta:
    """A meta with all that is given; labels are told apart by system and code, profiles by their URL."""
    after = dict(before)
    for name in _CODED:
        there = {_identity(coding): None for coding in before.get(name, ())}
        fresh = {
            _identity(coding): coding for coding in reversed(given.get(name, ())) if _identity(coding) not in there
        }
        if fresh:
            after[name] = [*before.get(name, ()), *reversed(fresh.values())]
    known = _profiles(before)
    if new := [url for url in dict.fromkeys(given.get("profile", ())) if url and url not in known]:
        after["profile"] = [*known, *new]
        if "_profile" in before:  # what is said of each, place by place
            after["_profile"] = [*before["_profile"], *[None] * len(new)]
    return after


def removed(given: Mapping[str, Any], before: Meta) -> Meta:
    """A meta without what is given; what it does not have is no error."""
    after = dict(before)
    for name in _CODED:
        gone = {_identity(coding) for coding in given.get(name, ())}
        _keep(after, name, [_identity(coding) not in gone for coding in before.get(name, ())])
    urls = {url for url in given.get("profile", ()) if url}
    kept = [url not in urls for url in _profiles(before)]
    _keep(after, "profile", kept)
    _keep(after, "_profile", kept)
    return after


def _keep(meta: Meta, name: str, kept: list[bool]) -> None:
    """Leaves of a list what is to be kept; an empty one, or one that says nothing, is left out."""
    if name in meta:
        meta[name] = [value for value, keep in zip(meta[name], kept, strict=True) if keep]
        if not any(meta[name]):
            del meta[name]


def _profiles(meta: Meta) -> list[str | None]:
    """The profiles of a meta, place by place: none where only `_profile` says something."""
    return list(meta.get("profile") or [None] * len(meta.get("_profile", ())))


def _identity(coding: Mapping[str, Any]) -> tuple[str, str]:
    return coding.get("system", ""), coding.get("code", "")


async def _present(
    session: Session, request: Request, resource_type: str, logical_id: str, version_id: str = ""
) -> Version:
    store, found = request.tenant.store, None
    if is_logical_id(logical_id) and not version_id:
        found = await store.read(session, resource_type, logical_id)
    elif is_logical_id(logical_id) and is_version_id(version_id):
        found = await store.read_version(session, resource_type, logical_id, int(version_id))
    return present(found, "/".join(request.path[:-1]))


class _Labelled(msgspec.Struct):
    meta: msgspec.Raw = msgspec.Raw(b"{}")


def _meta_text(version: Version) -> str:
    """The meta of a version as it is stored, digit by digit."""
    return bytes(msgspec.json.decode(version.body or "", type=_Labelled).meta).decode()


def _answer(meta: str) -> Response:
    """The Parameters with a meta; without it where it says nothing, since JSON knows no empty object."""
    said = f',"parameter":[{{"name":"return","valueMeta":{meta}}}]' if meta != "{}" else ""
    return Response(200, f'{{"resourceType":"Parameters"{said}}}')
