"""CodeSystem/$subsumes: how two concepts stand to each other.

https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

from __future__ import annotations

from typing import Any, Final

from resources.operation import Parameters
from resources.outcome import Invalid, NotSupported, Unprocessable

from ..findings import finding
from ..scope import Scope
from ..system import System
from .asking import Asked, code_system, coding_of, concept, exactly_one, sent_code_system

EQUIVALENT: Final = "equivalent"
SUBSUMES: Final = "subsumes"
SUBSUMED_BY: Final = "subsumed-by"
NOT_SUBSUMED: Final = "not-subsumed"
_MEANINGS: Final = frozenset({"", "is-a"})  # of a hierarchy in which what is below is a kind of what is above


def subsumes(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """The outcome for A and B as a Parameters resource.

    Raises NotFound for an unknown code or code system, NotSupported for two systems, Unprocessable where the relation
    cannot be determined."""
    sent = sent_code_system(parameters)
    url = sent.about.url if sent else parameters.one("system", "")
    version = parameters.one("version", "")
    a, b = (_asked(parameters, letter, url, version) for letter in "AB")
    if a.system != b.system:
        text = f"A is of {a.system}, B of {b.system}: how concepts of different code systems stand to each other is not known."
        raise NotSupported(text, expression=[a.place, b.place])
    if url and a.system != url:
        raise NotSupported(
            f"A and B are of {a.system}, but the code system to be asked is {url}.", expression=["system"]
        )
    if a.version and b.version and a.version != b.version:
        raise NotSupported(
            f"A is of version {a.version}, B of {b.version}: one version is asked.", code="not-supported"
        )
    system = sent or code_system(scope, a.system, a.version or b.version or version, place="system")
    outcome = relation(system, concept(system, a), concept(system, b))
    return {"resourceType": "Parameters", "parameter": [{"name": "outcome", "valueCode": outcome}]}


def _asked(parameters: Parameters, letter: str, url: str, version: str) -> Asked:
    name = exactly_one(parameters, f"code{letter}", f"coding{letter}")
    if name.startswith("coding"):
        return coding_of(parameters.one(name), name)
    if not url:
        raise Invalid(f"{name} needs the system that it is of.", code="required", expression=["system"])
    return Asked(url, parameters.one(name), version, "", name)


def relation(system: System, a: int, b: int) -> str:
    """How A stands to B. Raises Unprocessable where the hierarchy does not tell."""
    if a == b:
        return EQUIVALENT
    about = system.about
    if about.hierarchy_meaning not in _MEANINGS:
        raise _undetermined(
            f"The hierarchy of '{about.url}' is '{about.hierarchy_meaning}', not 'is-a': it does not tell what subsumes what"
        )
    if system.subsumes(a, b):
        return SUBSUMES
    if system.subsumes(b, a):
        return SUBSUMED_BY
    if about.content != "complete":
        raise _undetermined(
            f"Of '{about.url}' only a fragment is here, in which neither code is above the other: it is not known"
        )
    return NOT_SUBSUMED


def _undetermined(text: str) -> Unprocessable:
    return Unprocessable(issues=[finding("error", "processing", "process-note", "SUBSUMPTION_UNDETERMINED", text)])
