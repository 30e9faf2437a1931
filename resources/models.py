"""Typed models of resources and data types, for code that builds or reads resources in Python.

    from resources.models import Patient
    Patient(name=[{"family": "Chalmers"}]).model_dump_json()

They are the R4B models of fhir.resources: 128 of the 146 resource types of R4 are the same there, the others are absent,
and README lists the differences. Nothing that answers a request imports this module: the models lose decimals (1.00
becomes 1.0), refuse some valid resources and take about fifty times the time. https://hl7.org/fhir/R4B/history.html
"""

from __future__ import annotations

from typing import Any


def model(name: str) -> Any:
    """The pydantic model of a resource or data type ("Patient", "HumanName"), imported when it is first asked for.

    Raises LookupError for types that R4B does not have.
    """
    from fhir.resources.R4B import get_fhir_model_class

    try:
        return get_fhir_model_class(name)
    except ValueError:
        raise LookupError(f"fhir.resources has no model of {name}: R4B does not have that type") from None


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():
        raise AttributeError(name)
    try:
        return model(name)
    except LookupError as error:
        raise AttributeError(str(error)) from None
