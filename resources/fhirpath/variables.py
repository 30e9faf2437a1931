"""Environment variables. https://hl7.org/fhir/R4/fhirpath.html#variables"""

from __future__ import annotations

from .evaluation import UCUM, Collection, Evaluation, Items
from .faults import Unevaluable

_FIXED = {"sct": "http://snomed.info/sct", "loinc": "http://loinc.org", "ucum": UCUM}
_PREFIXES = {"vs-": "http://hl7.org/fhir/ValueSet/", "ext-": "http://hl7.org/fhir/StructureDefinition/"}


def variable(name: str) -> Items:
    """The closure of %name; the evaluation's own variables come first."""
    fixed = _FIXED.get(name)
    for prefix, url in _PREFIXES.items():
        if name.startswith(prefix):
            fixed = url + name.removeprefix(prefix)
    constant: Collection = [fixed] if fixed is not None else []

    def given(env: Evaluation, this: Collection) -> Collection:
        if name in env.variables:
            return _collection(env.variables[name])
        if constant:
            return constant
        match name:
            case "context":
                return [env.context]
            case "resource":
                return [env.context.resource()]
            case "rootResource":
                return [env.root if env.root is not None else env.context.root_resource()]
        raise Unevaluable(f"There is no variable %{name}.")

    return given


def _collection(value: object) -> Collection:
    if value is None:
        return []
    return value if type(value) is list else [value]
