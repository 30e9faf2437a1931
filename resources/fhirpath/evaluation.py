"""What closures work with while one expression is evaluated: collections, System values, the budget of steps.

A collection is a list of items that nobody changes once it has been returned. An item is a Node, or a System value:
bool, int, Decimal, str, Moment, Quantity, TypeInfo. https://hl7.org/fhirpath/N1/#collections
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ..outcome import TooCostly
from . import moments
from .faults import Unevaluable
from .moments import Moment
from .nodes import Model, Node
from .quantities import Canonical, Quantity

STEPS = 1_000_000  # items looked at in one evaluation; about a second
LONGEST = 1_000_000  # characters of a text that an expression makes
LONG = 8192  # characters that are compared, or copied, in about the time of a step

Collection = list[Any]
TRUE: Collection = [True]
FALSE: Collection = [False]
EMPTY: Collection = []


@dataclass(frozen=True, slots=True)
class Outside:
    """What an evaluation may ask beyond the tree; what is absent is answered with an empty collection.

    canonical: a value and its UCUM code → value and code in base units, None if unknown (terminology.ucum.to_canonical).
    resolve: a reference → the tree of the resource, None if there is none; asked after the contained resources and the Bundle.
    locate: a node and the reference in it → the node it leads to, None if there is none; then nothing else is asked.
    member_of: the tree of a code, Coding or CodeableConcept and the URL of a value set → whether it is in it.
    subsumes: two such trees → whether the first subsumes the second.
    conforms_to: a tree and the URL of a profile → whether it conforms; None if the profile is unknown.
    trace: the name and the items that trace() was called with.
    now: the time that now() tells; the present by default.
    """

    canonical: Canonical | None = None
    resolve: Callable[[str], Mapping[str, Any] | None] | None = None
    locate: Callable[[Node, str], Node | None] | None = None
    member_of: Callable[[Any, str], bool | None] | None = None
    subsumes: Callable[[Any, Any], bool | None] | None = None
    conforms_to: Callable[[Any, str], bool | None] | None = None
    trace: Callable[[str, Collection], None] | None = None
    now: datetime | None = None


NOTHING = Outside()


class TypeInfo(NamedTuple):
    """What type() answers. https://hl7.org/fhirpath/N1/#reflection"""

    namespace: str  # System | FHIR
    name: str
    base_type: str = ""


class Evaluation:
    """One evaluation of one expression."""

    __slots__ = ("_now", "context", "index", "memory", "model", "outside", "root", "steps", "total", "variables")

    def __init__(
        self, model: Model, context: Node, variables: Mapping[str, Any] | None, root: Node | None, outside: Outside
    ) -> None:
        self.model = model
        self.context = context
        self.variables = variables or {}
        self.root = root
        self.outside = outside
        self.index = 0
        self.total: Collection = EMPTY
        self.steps = STEPS
        self.memory: dict[Any, Any] = {}  # what is the same for all items of one evaluation
        self._now: Moment | None = None

    def spend(self, steps: int) -> None:
        """Counts work; raises TooCostly when the budget is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise TooCostly(f"The FHIRPath expression takes more than {STEPS} steps on this resource.")

    @property
    def now(self) -> Moment:
        """The same moment whenever it is asked in one evaluation."""
        if self._now is None:
            self._now = moments.from_datetime(self.outside.now or datetime.now(UTC))
        return self._now


Items = Callable[[Evaluation, Collection], Collection]
Truth = Callable[[Evaluation, Collection], "bool | None"]


class Code(NamedTuple):
    """A compiled expression in two forms: what it gives, and its truth where a boolean is wanted.

    Both are called with the evaluation and $this (a collection of one item as a rule).
    """

    items: Items
    truth: Truth


def giving_items(items: Items, what: str) -> Code:
    """Code of an expression that gives a collection; `what` names it in errors."""

    def truth(env: Evaluation, this: Collection) -> bool | None:
        found = items(env, this)
        if not found:
            return None
        return boolean(found, what)

    return Code(items, truth)


def giving_truth(truth: Truth) -> Code:
    """Code of an expression that gives true, false or nothing."""

    def items(env: Evaluation, this: Collection) -> Collection:
        found = truth(env, this)
        return EMPTY if found is None else TRUE if found else FALSE

    return Code(items, truth)


def boolean(found: Collection, what: str) -> bool | None:
    """The truth of a collection: of a boolean its value, of any other single item true.

    https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if not found:
        return None
    if len(found) > 1:
        raise many(found, what)
    item = found[0]
    if item is True or item is False:
        return item
    if type(item) is Node:
        if item.value is True or item.value is False:
            return bool(item.value)
        if item.type_name == "boolean":  # with extensions only
            return None
    return True


def many(found: Collection, what: str) -> Unevaluable:
    return Unevaluable(f"{what} needs one item and was given {len(found)}.")


def plain(item: Any) -> Any:
    """The System value of an item: of a primitive its value, of a Quantity a Quantity; None if it has none.

    https://hl7.org/fhir/R4/fhirpath.html#types
    """
    if type(item) is not Node:
        return item
    value = item.value
    convert = _CONVERSIONS.get(item.shape.name)
    if convert is not None and value is not None:
        return convert(value)
    if item.shape.is_complex:
        return _quantity(value) if "Quantity" in item.shape.lineage else None
    return value


def _decimal(value: Any) -> Any:
    return Decimal(value) if type(value) is int else value


def _moment(value: Any) -> Any:
    return moments.read(value) if type(value) is str else None


def _date_time(value: Any) -> Any:
    return moments.read_date_time(value) if type(value) is str else None


def _time(value: Any) -> Any:
    return moments.read_time(value) if type(value) is str else None


def _quantity(value: Any) -> Quantity | None:
    """A FHIR Quantity as a System one: its UCUM code; another code with its system, so that it equals only its like."""
    number = value.get("value") if type(value) is dict else None
    if type(number) is int:
        number = Decimal(number)
    if type(number) is not Decimal:
        return None
    code, system = value.get("code"), value.get("system")
    if code is not None and (system is None or system == UCUM):
        return Quantity(number, str(code))
    if code is not None:
        return Quantity(number, f"{system}|{code}")
    return Quantity(number, str(value.get("unit", "1")))


UCUM = "http://unitsofmeasure.org"
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "decimal": _decimal,
    "date": _moment,
    "dateTime": _date_time,
    "instant": _date_time,
    "time": _time,
}


def single(found: Collection, what: str) -> Any:
    """The System value of the only item; None if there is none."""
    if not found:
        return None
    if len(found) > 1:
        raise many(found, what)
    return plain(found[0])


def text(found: Collection, what: str) -> str | None:
    """The only item as a string; raises Unevaluable if it is something else."""
    value = single(found, what)
    if value is None and found and type(found[0]) is Node and found[0].shape.is_complex:
        value = found[0]
    if value is None or type(value) is str:
        return value
    raise Unevaluable(f"{what} needs a string and was given {described(value)}.")


def whole(found: Collection, what: str) -> int | None:
    """The only item as an integer; raises Unevaluable if it is something else."""
    value = single(found, what)
    if value is None or type(value) is int:
        return value
    raise Unevaluable(f"{what} needs an integer and was given {described(value)}.")


def described(value: Any) -> str:
    """An item's type in the words of an error."""
    return "a " + system_type(value) if type(value) is not Node else "a " + value.type_name


def system_type(value: Any) -> str:
    """The System type of a value: "Integer"."""
    if type(value) is Moment:
        return value.kind
    return _NAMES.get(type(value), "Any")


_NAMES: dict[type, str] = {bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String", Quantity: "Quantity"}
