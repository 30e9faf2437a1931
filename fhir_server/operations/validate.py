"""$validate: what is wrong with a resource, or what would be refused if it were written; nothing is stored.

https://hl7.org/fhir/R4/resource-operation-validate.html, https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from msgspec.structs import replace as with_

from resources import exact
from resources.database import Session
from resources.operation import Parameters, Value
from resources.outcome import BadRequest, FhirError, Issue, Malformed
from resources.positions import with_locations
from resources.store import Version
from resources.validation.primitives import quoted

from ..exchange import Request, Response, outcome_text
from ..media import is_xml
from ..planning import Match, plan, write_of
from ..preferences import if_match
from ..reading import is_logical_id, present
from ..validation.judging import judge

_LARGE: Final = 100_000  # bytes of a text that is read again beside the event loop
_BROKEN: Final = frozenset({"fatal", "error"})


async def validate(session: Session, request: Request, parameters: Parameters) -> Response:
    """Judges a resource by mode: 200 with an OperationOutcome, whatever is found; without an error, one issue says so.

    Raises BadRequest (400) where it cannot be told what is to be judged; NotFound (404) and Gone (410) where that is a
    stored resource which is not there. https://hl7.org/fhir/R4/resource-operation-validate.html"""
    mode = parameters.one("mode", "")
    if mode not in _MODES:
        known = ", ".join(name for name in _MODES if name)
        raise BadRequest(f"mode is {quoted(mode)}; it is one of {known}.", code="code-invalid")
    return _answer(await _MODES[mode](session, request, parameters))


def unreadable(error: Malformed) -> Response:
    """The judgement of a text that is no resource: it is not valid, and nothing more can be said of it."""
    return Response(200, outcome_text(*(replace(issue, severity="fatal") for issue in error.issues)))


def _answer(issues: Sequence[Issue]) -> Response:
    if not any(issue.severity in _BROKEN for issue in issues):
        said = "No errors were found." if issues else "No issues were found."
        issues = (*issues, Issue("information", "informational", said))
    return Response(200, outcome_text(*issues))


# the modes: https://hl7.org/fhir/R4/valueset-resource-validation-mode.html


async def _general(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    """The content by itself: of what was sent, or else of the stored resource."""
    if _sent(request, parameters) is None and len(request.path) > 2:
        return await _judged_stored(session, request, parameters)
    return await _judged_sent(session, request, parameters)


async def _create(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    """The content, and then whether a create would take it."""
    found = await _judged_sent(session, request, parameters)
    if _are_broken(found):
        return found
    tree = _required(request, parameters).value
    asked = with_(
        request, method="POST", path=request.path[:1], query="", headers=_unconditional(request), resource=tree
    )
    refused = _refusal(lambda: plan(write_of(asked, "create"), (), None))
    return (*found, *await _located(request, parameters, refused))


async def _update(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    """The content, and then whether an update of that resource would take it: the one of the URL, or for a type that of
    the resource's own id."""
    found = await _judged_sent(session, request, parameters)
    if _are_broken(found):
        return found
    tree = _required(request, parameters).value
    resource_type, *rest = request.path[:-1]
    logical_id = rest[0] if rest else str(tree.get("id", ""))
    current = await _read(session, request, resource_type, logical_id) if is_logical_id(logical_id) else None
    path = (resource_type, logical_id)
    asked = with_(request, method="PUT", path=path, query="", headers=_unconditional(request), resource=tree)
    write = write_of(asked, "update", identity=(resource_type, logical_id))
    match = [Match(logical_id, current.version_id)] if current is not None and current.body is not None else []
    refused = _refusal(lambda: plan(write, match, current)) or _unmet(request, current)
    return (*found, *await _located(request, parameters, refused))


async def _delete(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    """Whether the resource of the URL may be deleted; what was sent is ignored."""
    resource_type, logical_id = _instance(request, "delete")
    current = present(await _read(session, request, resource_type, logical_id), f"{resource_type}/{logical_id}")
    asked = with_(request, method="DELETE", path=(resource_type, logical_id), query="")
    refused = _refusal(lambda: plan(write_of(asked, "delete"), (), current))
    return (*refused, *_unmet(request, current))


async def _profile(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    """The stored resource of the URL against the profile."""
    _instance(request, "profile")
    if not parameters.has("profile"):
        raise BadRequest("mode profile needs the parameter profile.", code="required")
    if parameters.has("resource"):
        raise BadRequest(
            "mode profile is for the stored resource; leave mode out to have this one judged.", code="value"
        )
    return await _judged_stored(session, request, parameters)


_Mode = Callable[[Session, Request, Parameters], Awaitable[Sequence[Issue]]]
_MODES: Final[Mapping[str, _Mode]] = {
    "": _general,
    "create": _create,
    "update": _update,
    "delete": _delete,
    "profile": _profile,
}


# what is judged


async def _judged_sent(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    sent, resource_type = _required(request, parameters), request.path[0]
    if sent.value.get("resourceType") != resource_type:
        found: Sequence[Issue] = request.tenant.validator.issues(resource_type, sent.value)
    else:
        found = await judge(session, request.tenant, sent.value, _profiles(request, parameters))
    return await _located(request, parameters, found)


async def _judged_stored(session: Session, request: Request, parameters: Parameters) -> Sequence[Issue]:
    resource_type, logical_id = request.path[:2]
    found = present(await _read(session, request, resource_type, logical_id), f"{resource_type}/{logical_id}")
    tree = exact.decode((found.body or "").encode())
    return await judge(session, request.tenant, tree, _profiles(request, parameters))


def _sent(request: Request, parameters: Parameters) -> Value | None:
    """The resource that was sent, if one was."""
    return next((one for one in parameters.values if one.name == "resource"), None)


def _required(request: Request, parameters: Parameters) -> Value:
    sent = _sent(request, parameters)
    if sent is None:
        raise BadRequest(
            "There is no resource to be judged: send it, alone or as the parameter resource.", code="required"
        )
    return sent


def _profiles(request: Request, parameters: Parameters) -> tuple[str, ...]:
    """The profile that is asked for, and those that the tenant requires of the type."""
    asked = (parameters.one("profile"),) if parameters.has("profile") else ()
    return tuple(dict.fromkeys((*asked, *request.tenant.policy.profiles(request.path[0]))))


def _instance(request: Request, mode: str) -> tuple[str, str]:
    """The resource that the URL names. Raises BadRequest (400) where it names none."""
    if len(request.path) != 3:
        text = f"mode {mode} is for one resource: {request.path[0]}/[id]/$validate."
        raise BadRequest(text, code="value")
    return request.path[0], request.path[1]


async def _read(session: Session, request: Request, resource_type: str, logical_id: str) -> Version | None:
    return await request.tenant.store.read(session, resource_type, logical_id) if is_logical_id(logical_id) else None


# what would be refused


def _refusal(planning: Callable[[], Any]) -> Sequence[Issue]:
    """Why a write would be refused, as issues; none where it would not."""
    try:
        planning()
    except FhirError as error:
        return error.issues
    return ()


def _unmet(request: Request, current: Version | None) -> Sequence[Issue]:
    """Whether If-Match names another version than the current one."""
    wanted = if_match(request.headers)
    there = current if current is not None and current.body is not None else None
    if wanted is None or (there is not None and (not wanted or there.version_id in wanted)):
        return ()
    state = f"is at version {there.version_id}" if there else "does not exist"
    return (Issue("error", "conflict", f"{'/'.join(request.path[:-1])} {state}, which If-Match does not name."),)


def _unconditional(request: Request) -> dict[str, str]:
    """The headers without those of a condition, which would make another interaction of it."""
    return {name: value for name, value in request.headers.items() if name != "if-none-exist"}


def _are_broken(issues: Sequence[Issue]) -> bool:
    return any(issue.severity in _BROKEN for issue in issues)


async def _located(request: Request, parameters: Parameters, issues: Sequence[Issue]) -> Sequence[Issue]:
    """The issues with line and column of the text that was sent; their expressions begin at the resource."""
    if not request.body or not issues:
        return issues
    place = _required(request, parameters).place
    given = issues, request.body, is_xml(request.content_type), place
    return with_locations(*given) if len(request.body) < _LARGE else await asyncio.to_thread(with_locations, *given)
