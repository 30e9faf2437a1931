"""ValueSet/$batch-validate-code: many codes in one request, each with its own answer.

https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/ecosystem.html
"""

from __future__ import annotations

from typing import Any, Final

from resources.operation import Parameters, Value
from resources.outcome import FhirError, Invalid, TooCostly, operation_outcome

from ..scope import Scope
from .validate_code import validate_value_set_code

MOST: Final = 1_000  # codes of one request
_ONE: Final = "validation"


def batch_validate(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """For each `validation` a Parameters resource, or the OperationOutcome of what could not be asked, in their order.

    What stands beside them holds for all of them, unless one of them says otherwise. Raises TooCostly for all."""
    each = parameters.all(_ONE)
    if not each:
        raise Invalid("There is nothing to validate: no parameter validation.", code="required", expression=[_ONE])
    if len(each) > MOST:
        raise Invalid(f"There are {len(each)} validations; {MOST} are the most.", code="too-long")
    shared = tuple(one for one in parameters.values if one.name != _ONE)
    answers = [_answer(scope, shared, one, languages) for one in each]
    return {"resourceType": "Parameters", "parameter": [{"name": _ONE, "resource": one} for one in answers]}


def _answer(scope: Scope, shared: tuple[Value, ...], own: Any, languages: str) -> dict[str, Any]:
    if not isinstance(own, Parameters):
        return _outcome(Invalid("A validation is a Parameters resource.", code="structure"))
    said = {one.name for one in own.values}
    merged = Parameters((*own.values, *(one for one in shared if one.name not in said)))
    try:
        return validate_value_set_code(scope, merged, languages)
    except TooCostly:
        raise
    except FhirError as error:
        return _outcome(error)


def _outcome(error: FhirError) -> dict[str, Any]:
    """An OperationOutcome whose texts all stand where those of the other answers do."""
    outcome = operation_outcome(error.issues)
    for issue in outcome["issue"]:
        if "diagnostics" in issue:
            issue.setdefault("details", {})["text"] = issue.pop("diagnostics")
    return outcome
