"""Issues and errors: everything that can go wrong, and the HTTP status and issue code it is answered with.

    FhirError                      status  issue code
    ├── BadRequest                 400     invalid
    │   ├── Malformed              400     structure        cannot be parsed; says line and column
    │   ├── Invalid                400     per issue        breaks the base rules of R4
    │   └── NotSupported           400     not-supported    understood, but not done here
    ├── Unauthorized               401     login
    ├── Forbidden                  403     forbidden
    │   └── TooCostly              403     too-costly       would take more than anybody may ask for; says what to narrow
    ├── NotFound                   404     not-found
    ├── MethodNotAllowed           405     not-supported
    ├── NotAcceptable              406     not-supported
    ├── Conflict                   409     conflict
    ├── Gone                       410     deleted
    ├── PreconditionFailed         412     conflict
    │   └── MultipleMatches        412     multiple-matches
    ├── TooLarge                   413     too-long
    ├── UnsupportedMediaType       415     not-supported
    ├── Unprocessable              422     business-rule
    ├── Throttled                  429     throttled
    ├── Fault                      500     exception        our bug; never carries SQL, a stack or a value
    └── Unavailable                503     transient        with Retry-After

https://hl7.org/fhir/R4/http.html#Status-Codes, https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Final

MESSAGE_ID: Final = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome. https://hl7.org/fhir/R4/operationoutcome.html"""

    severity: str  # fatal | error | warning | information
    code: str  # http://hl7.org/fhir/issue-type
    diagnostics: str  # one or more plain sentences for the sender
    expression: tuple[str, ...] = ()  # simple FHIRPath that selects the very element, with indexes
    location: tuple[str, ...] = ()  # "line 3, column 14" of the text that was sent
    rule: str = ""  # what asks it: canonical URL of a StructureDefinition # key of its constraint, or id of its element
    message_id: str = ""  # of the text, where texts are numbered: the terminology's are, and stand in `details`

    def within(self, path: str) -> Issue:
        """The same issue seen from outside: expressions are put below path (`Bundle.entry[2].resource`)."""
        moved = tuple(
            path + expression[len(expression.split(".", 1)[0].split("[", 1)[0]) :] for expression in self.expression
        )
        return replace(self, expression=moved or (path,))

    def as_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if self.message_id:
            out["extension"] = [{"url": MESSAGE_ID, "valueString": self.message_id}]
        out |= {"severity": self.severity, "code": self.code}
        if self.rule:
            system, _, code = self.rule.partition("#")
            out["details"] = {"coding": [{"system": system, "code": code}]}
        if self.message_id:
            out.setdefault("details", {})["text"] = self.diagnostics
        else:
            out["diagnostics"] = self.diagnostics
        if self.location:
            out["location"] = list(self.location)
        if self.expression:
            out["expression"] = list(self.expression)
        return out


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """The OperationOutcome resource of these issues."""
    return {"resourceType": "OperationOutcome", "issue": [issue.as_json() for issue in issues]}


class FhirError(Exception):
    """A request that is answered with an OperationOutcome: `status` and at least one issue."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(
        self,
        diagnostics: str = "",
        *,
        code: str | None = None,
        expression: Iterable[str] = (),
        location: Iterable[str] = (),
        issues: Iterable[Issue] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues) or (
            Issue("error", code or self.code, diagnostics, tuple(expression), tuple(location)),
        )
        self.headers: dict[str, str] = dict(headers or {})
        super().__init__("; ".join(issue.diagnostics for issue in self.issues))

    def within(self, path: str) -> FhirError:
        """The same error as seen from the Bundle entry at path; keeps class, status and headers."""
        return type(self)(issues=[issue.within(path) for issue in self.issues], headers=self.headers)


class BadRequest(FhirError):
    status, code = 400, "invalid"


class Malformed(BadRequest):
    code = "structure"


class Invalid(BadRequest):
    code = "invalid"


class NotSupported(BadRequest):
    code = "not-supported"


class Unauthorized(FhirError):
    status, code = 401, "login"


class Forbidden(FhirError):
    status, code = 403, "forbidden"


class TooCostly(Forbidden):
    code = "too-costly"


class NotFound(FhirError):
    status, code = 404, "not-found"


class MethodNotAllowed(FhirError):
    status, code = 405, "not-supported"


class NotAcceptable(FhirError):
    status, code = 406, "not-supported"


class Conflict(FhirError):
    status, code = 409, "conflict"


class Gone(FhirError):
    """What was asked for is deleted; version_id and last_updated are those of its deletion."""

    status, code = 410, "deleted"
    version_id = 0
    last_updated: datetime | None = None

    @classmethod
    def by(cls, diagnostics: str, version_id: int, last_updated: datetime) -> Gone:
        """The error of what the deletion of that version and time took away."""
        gone = cls(diagnostics)
        gone.version_id, gone.last_updated = version_id, last_updated
        return gone


class PreconditionFailed(FhirError):
    status, code = 412, "conflict"


class MultipleMatches(PreconditionFailed):
    code = "multiple-matches"


class TooLarge(FhirError):
    status, code = 413, "too-long"


class UnsupportedMediaType(FhirError):
    status, code = 415, "not-supported"


class Unprocessable(FhirError):
    status, code = 422, "business-rule"


class Throttled(FhirError):
    status, code = 429, "throttled"


class Fault(FhirError):
    """An error of the server's own; what is said of it is only that it happened."""


class Unavailable(FhirError):
    status, code = 503, "transient"
