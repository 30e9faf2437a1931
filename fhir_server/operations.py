"""OPERATIONS: every $operation this server knows, on one page. https://hl7.org/fhir/R4/operations.html

What is not in the table is answered with 404, and the CapabilityStatement names exactly what is.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Operation(Struct, frozen=True):
    """An operation and the OperationDefinition that describes it."""

    code: str  # without the dollar: "validate"
    definition: str  # canonical of its OperationDefinition


OPERATIONS: Final[tuple[Operation, ...]] = ()
