"""What a request names: a code system and a concept of it, or the error that says which of them is not known.

https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from resources.operation import Parameters
from resources.outcome import BadRequest, Invalid, NotFound, Unprocessable

from ..findings import finding
from ..resources import code_system as indexed
from ..scope import CODE_SYSTEM, Scope
from ..system import System

_SHOWN: Final = 10  # versions that an error names
_HERE: Final = frozenset({"complete", "fragment"})  # contents with which something can be said of a concept


class Asked(NamedTuple):
    """A code as a request names it, and where."""

    system: str
    code: str
    version: str = ""
    display: str = ""
    place: str = ""  # FHIRPath of the code


def coding_of(tree: Mapping[str, Any], place: str) -> Asked:
    """What a Coding names. Raises Invalid if it has no system or no code."""
    for name in ("system", "code"):
        if not tree.get(name):
            raise Invalid(f"{place} needs a system and a code; it has no {name}.", code="required", expression=[place])
    return Asked(tree["system"], tree["code"], tree.get("version") or "", tree.get("display") or "", f"{place}.code")


def code_system(scope: Scope, url: str, version: str = "", supplements: Sequence[str] = (), place: str = "") -> System:
    """A code system of which concepts are here. Raises NotFound for an unknown one, Unprocessable without content."""
    try:
        system = scope.code_system(url, version, supplements)
    except KeyError as missing:
        if not supplements:
            raise
        text = f"Required supplement not found: {missing.args[0]}"
        raise NotFound(
            issues=[finding("error", "not-found", "not-found", "VALUESET_SUPPLEMENT_MISSING", text)]
        ) from None
    if system is None:
        there = [one for one in scope.versions(CODE_SYSTEM, url) if one] if version else []
        if there:
            some = ", ".join(there[:_SHOWN]) + (" and others" if len(there) > _SHOWN else "")
            text = f"The code system '{url}' is not known in version '{version}'. Known versions: {some}"
            message = "UNKNOWN_CODESYSTEM_VERSION"
        else:
            text, message = f"The code system '{url}' is not known here", "UNKNOWN_CODESYSTEM"
        raise NotFound(issues=[finding("error", "not-found", "not-found", message, text, *([place] if place else ()))])
    if system.about.content not in _HERE:
        text = f"Of the code system '{url}' no concepts are here: its content is '{system.about.content}'"
        raise Unprocessable(issues=[finding("error", "not-supported", "not-found", "UNKNOWN_CODESYSTEM", text)])
    return system


def sent_code_system(parameters: Parameters) -> System | None:
    """The code system that was sent along, or that the operation was called on."""
    tree = parameters.one("codeSystem")
    if tree is None:
        return None
    if tree.get("content") not in _HERE:
        raise Unprocessable(
            f"The content of this code system is '{tree.get('content')}': it has no concepts to be asked.",
            code="not-supported",
        )
    return indexed(tree)


def concept(system: System, asked: Asked) -> int:
    """The ordinal of a code. Raises NotFound."""
    found = system.find(asked.code)
    if found is not None:
        return found
    about = system.about
    text = f"Unknown code '{asked.code}' in the CodeSystem '{about.url}'" + (
        f" version '{about.version}'" if about.version else ""
    )
    if about.content == "fragment":
        text += "; only a fragment of it is here"
    places = (asked.place,) if asked.place else ()
    raise NotFound(issues=[finding("error", "not-found", "invalid-code", "Unknown_Code_in_Version", text, *places)])


def exactly_one(parameters: Parameters, *names: str) -> str:
    """The one of some parameters that was sent. Raises BadRequest if it is none of them, or several."""
    there = {one.name for one in parameters.values}
    sent = [name for name in names if name in there]
    if len(sent) == 1:
        return sent[0]
    what = f"{' and '.join(sent)} were sent" if sent else "none was"
    raise BadRequest(
        f"Exactly one of {', '.join(names)} is needed; {what}.", code="required" if not sent else "invalid"
    )
