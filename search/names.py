"""Search parameters by their names: which there are on a type, and to which types a chain leads.

https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from resources.definitions import Definitions, SearchParameter
from resources.outcome import FhirError, NotSupported

from .criteria import Chain, Clause, Criterion, Filter, Has
from .filter import OPERATORS, Comparison, Expression, Joined, Negation, Step, fault, with_systems
from .indexer import COLUMNS
from .parameters import is_searchable, module_of

EVERY_TYPE: Final = "Resource"  # base of the parameters that all types have
LIST: Final = "_list"  # a criterion that no definition has; that of `_query` is none
_NOT_SEARCHED: Final = frozenset({"_query"})
_BY_COLUMN: Final = frozenset({"missing", "not"})  # modifiers where there are no index rows

# R4 has names for _filter that are no search parameters: what stands before the bracket is a composite, with names for
# its parts. https://hl7.org/fhir/R4/search_filter.html#params
_COMPOSITES: Final[Mapping[tuple[str, str], tuple[str, Mapping[str, str]]]] = {
    ("Group", "characteristic"): ("characteristic-value", {"code": "characteristic", "value": "value"}),
    ("DocumentReference", "relatesTo"): ("relationship", {"code": "relation", "target": "relatesto"}),
}
# Operators on a part of a composite: those that its value can say.
_IN_COMPOSITES: Final = {"token": ("eq",), "reference": ("re",), "uri": ("eq",), "string": ("sw",)}
_PREFIXED: Final = frozenset({"number", "date", "quantity"})

Node = Criterion | Expression


class Unknown(Exception):
    """A name that means nothing here; a lenient search leaves it out.

    Its text is made when it is asked for: of a chain to many types most do not have what comes after."""

    def __init__(self, message: str | Callable[[], str]) -> None:
        super().__init__(message)
        self._message = message

    def __str__(self) -> str:
        return self._message if isinstance(self._message, str) else self._message()


class Unready(Unknown):
    """A name that will mean something as soon as what it is about is indexed."""


class Names:
    """What names mean by some definitions. What was looked up is remembered: one is made for each search."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._kinds: dict[tuple[str, Node], str | Exception] = {}
        self._breadths: dict[tuple[str, Node], int] = {}

    def parameters(self, resource_types: Sequence[str]) -> Mapping[str, SearchParameter]:
        """Code → parameter, of those that all of the types have, as the same type of parameter. () is all types."""
        first = self._definitions.parameters_of((resource_types or self._definitions.resource_types)[0])
        return {code: one for code in first if (one := self._shared(resource_types, code))}

    def _shared(self, resource_types: Sequence[str], code: str) -> SearchParameter | None:
        first, *others = resource_types or self._definitions.resource_types[:1]
        found = self._definitions.parameters_of(first).get(code)
        if found is None or not is_searchable(found) or code in _NOT_SEARCHED:
            return None
        if not resource_types and EVERY_TYPE not in found.bases:
            return None
        same = (self._definitions.parameters_of(other).get(code) for other in others)
        return found if all(other and other.type == found.type for other in same) else None

    def parameter(self, resource_types: Sequence[str], code: str) -> SearchParameter:
        """The parameter of that name; raises Unknown, which says which there are, or why it cannot be used yet."""
        found = self._shared(resource_types, code)
        if found is None:
            raise Unknown(lambda: _unknown(resource_types, code, self.parameters(resource_types)))
        if found.unready:
            raise Unready(f"The search parameter {code} {found.unready}.")
        return found

    def pointed(self, definition: SearchParameter) -> tuple[str, ...]:
        """The resource types a reference may point to."""
        named = tuple(one for one in definition.targets if self._definitions.is_resource_type(one))
        return named or self._definitions.resource_types

    def check(self, resource_types: Sequence[str], criterion: Criterion) -> None:
        """Raises Unknown for names that mean nothing on the types, NotSupported for modifiers they do not have.

        Of several types all must have the parameter; what points to one of them may point to it alone."""
        if isinstance(criterion, Clause | Filter):
            self._check(resource_types, criterion)
            return
        try:
            self._check(resource_types, criterion)
        except Unknown as error:
            raise Unknown(f"{criterion.name}: {error}") from None
        except NotSupported as error:
            raise NotSupported(f"{criterion.name}: {error}") from None

    def _check(self, resource_types: Sequence[str], criterion: Criterion) -> None:
        if isinstance(criterion, Clause | Chain) and criterion.code != LIST:
            self.parameter(resource_types, criterion.code)
        names = resource_types or self._definitions.resource_types
        if isinstance(criterion, Has):
            failed: list[Exception] = []
            for name in names:
                try:
                    self.kind(name, criterion)
                    return
                except (Unknown, FhirError) as error:
                    failed.append(error)
            raise failed[0]
        if not resource_types and isinstance(criterion, Clause):
            names = names[:1]
        if len({self.kind(name, criterion) for name in names}) > 1:
            raise NotSupported(f"This is not of the same type on all of {_some(names)}.")

    def kind(self, resource_type: str, node: Node) -> str:
        """The type of the parameter at the end of the node, as seen from the type; "" where there are several.

        Raises Unknown or NotSupported; of an expression BadRequest, with the position."""
        key = resource_type, node
        if key not in self._kinds:
            try:
                self._kinds[key] = self._kind(resource_type, node)
            except (Unknown, FhirError) as error:
                self._kinds[key] = error
        found = self._kinds[key]
        if isinstance(found, Exception):
            raise found
        return found

    def _kind(self, resource_type: str, node: Node) -> str:
        match node:
            case Clause():
                return self._clause(resource_type, node)
            case Chain(criterion=criterion):
                return self.kind(self.targets(resource_type, node)[0], criterion)
            case Has():
                return self._has(resource_type, node)
            case Filter(expression=expression) | Negation(expression=expression):
                return self.kind(resource_type, expression)
            case Joined(parts=parts):
                for part in parts:
                    self.kind(resource_type, part)
                return ""
        try:
            return (
                self._compared(resource_type, node) if isinstance(node, Comparison) else self._step(resource_type, node)
            )
        except Unknown as error:
            raise fault(str(error), node.position) from None

    def _clause(self, resource_type: str, clause: Clause) -> str:
        code, modifier = clause.code, clause.modifier
        if code == LIST:
            if modifier:
                raise NotSupported(f"{clause.name}: {LIST} has no modifiers.")
            return "reference"
        definition = self.parameter((resource_type,), code)
        if modifier and not self._modifies(definition, modifier):
            raise NotSupported(f"{clause.name}: the modifier {modifier} is not supported for this parameter.")
        return definition.type

    def _modifies(self, definition: SearchParameter, modifier: str) -> bool:
        """Whether the parameter has that modifier; a composite has none, not even `missing`."""
        if definition.type == "composite":
            return False
        known = module_of(definition).MODIFIERS
        if definition.code in COLUMNS:
            return modifier == "missing" or modifier in _BY_COLUMN & known
        if self._definitions.is_resource_type(modifier):
            return "[type]" in known and modifier in self.pointed(definition)
        return modifier == "missing" or modifier in known

    def _has(self, resource_type: str, has: Has) -> str:
        """What comes before the last colon must be a reference parameter that can point here."""
        if not self._definitions.is_resource_type(has.resource_type):
            raise Unknown(f"{has.resource_type} is no resource type.")
        definition = self.parameter((has.resource_type,), has.code)
        if definition.type != "reference" or resource_type not in self.pointed(definition):
            raise Unknown(f"{has.code} of {has.resource_type} does not point to {resource_type}.")
        return self.kind(has.resource_type, has.criterion)

    def targets(self, resource_type: str, chain: Chain | Step) -> tuple[str, ...]:
        """The types to which a chain leads: the one named, or all that have what comes after, as one type of parameter.

        Raises Unknown where there is none."""
        code, named = chain.code, chain.target
        definition = self.parameter((resource_type,), code)
        if definition.type != "reference":
            raise Unknown(f"{code} of {resource_type} is a {definition.type} parameter; only references lead further.")
        pointed = self.pointed(definition)
        if named and named not in pointed:
            raise NotSupported(f"{code}:{named}: {code} of {resource_type} does not point to {named}.")
        kinds: dict[str, str] = {}
        failed: list[Exception] = []
        for target in (named,) if named else pointed:
            try:
                kinds[target] = [self.kind(target, part) for part in _after(chain)][-1]
            except (Unknown, FhirError) as error:
                failed.append(error)
        if not kinds:
            refused = [error for error in failed if isinstance(error, FhirError | Unready)]
            if len(failed) > 1 and not refused:
                raise Unknown(f"None of {_some(pointed)}, to which {code} points, has the search parameter after it.")
            raise refused[0] if refused else failed[0]
        if len(set(kinds.values())) > 1:
            meanings = ", ".join(f"{kind} on {target}" for target, kind in sorted(kinds.items()))
            raise NotSupported(
                f"{code}: what is chained to it is {meanings}. Name the type, as in {code}:{pointed[0]}."
            )
        return tuple(kinds)

    def _compared(self, resource_type: str, compared: Comparison) -> str:
        definition = self.parameter((resource_type,), compared.code)
        operators = OPERATORS[definition.type] if definition.expression else frozenset({"co"})
        if definition.code in COLUMNS:
            operators = operators - {"ss", "sb", "in", "ni"}
        if compared.operator not in operators:
            raise fault(
                f"{compared.operator} is not defined for {compared.code}, which is a {definition.type} parameter; "
                f"{', '.join(sorted(operators))} are",
                compared.position,
            )
        if compared.operator == "pr" and compared.value not in ("true", "false"):
            raise fault(f"{compared.code} pr {compared.value}: it is true or false", compared.position)
        return definition.type

    def _step(self, resource_type: str, step: Step) -> str:
        if self.composite(resource_type, step):
            return "composite"
        return self.kind(self.targets(resource_type, step)[0], step.rest)

    def composite(self, resource_type: str, step: Step) -> Clause | None:
        """What a step says within one repetition of a composite: `name[part eq value].part op value`.

        None where the name is that of a reference. Raises BadRequest for what a composite's value cannot say."""
        parameters = self._definitions.parameters_of(resource_type)
        code, names = _COMPOSITES.get((resource_type, step.code), (step.code, {}))
        definition = parameters.get(code)
        if definition is None or definition.type != "composite":
            return None
        comparisons = step.where, step.rest
        by_url = {one.url: one for one in parameters.values()}
        parts = [by_url[url] for url, _ in definition.components if url in by_url]
        values = {}
        for compared in comparisons:
            if not isinstance(compared, Comparison):
                raise fault(f"{step.code} is followed by one comparison in brackets and another one", step.position)
            part = next((one for one in parts if one.code == names.get(compared.code, compared.code)), None)
            if part is None:
                known = ", ".join(names or (one.code for one in parts))
                raise fault(f"{step.code} has no part {compared.code}; it has {known}", compared.position)
            allowed = OPERATORS["date"] - {"pr", "co", "po"} if part.type in _PREFIXED else _IN_COMPOSITES[part.type]
            if compared.operator not in allowed:
                raise fault(f"within {step.code} only {', '.join(sorted(allowed))} can be asked", compared.position)
            prefix = compared.operator if part.type in _PREFIXED else ""
            values[part.code] = prefix + with_systems(compared.value).replace(",", r"\,").replace("$", r"\$")
        if len(values) != len(definition.components):
            raise fault(f"{step.code} needs a value for each of its parts", step.position)
        return Clause(code, None, ("$".join(values[one.code] for one in parts),))

    def breadth(self, resource_type: str, node: Node) -> int:
        """How many conditions the node becomes: untyped chains lead to many types."""
        key = resource_type, node
        if key not in self._breadths:
            self._breadths[key] = self._breadth(resource_type, node)
        return self._breadths[key]

    def _breadth(self, resource_type: str, node: Node) -> int:
        match node:
            case Chain() | Step() if not (isinstance(node, Step) and self.composite(resource_type, node)):
                # Each target may stand alone or be contained.
                targets = self.targets(resource_type, node)
                return sum(2 + 2 * self.breadth(target, part) for target in targets for part in _after(node))
            case Has(resource_type=name, criterion=criterion):
                return 1 + self.breadth(name, criterion)
            case Filter(expression=inner) | Negation(expression=inner):
                return self.breadth(resource_type, inner)
            case Joined(parts=parts):
                return sum(self.breadth(resource_type, part) for part in parts)
        return 1


def _after(chain: Chain | Step) -> Iterable[Node]:
    """What the resource a chain leads to must meet."""
    if isinstance(chain, Chain):
        return (chain.criterion,)
    return (chain.where, chain.rest) if chain.where else (chain.rest,)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _unknown(resource_types: Sequence[str], code: str, parameters: Mapping[str, SearchParameter]) -> str:
    """The names that are valid, the likeliest first."""
    ready = sorted(known for known, one in parameters.items() if not one.unready)
    close = get_close_matches(code, ready, 1)
    meant = f" Is {close[0]} meant?" if close else ""
    whose = resource_types[0] if len(resource_types) == 1 else _some(resource_types) or "All resource types"
    has = "has no" if len(resource_types) == 1 else "have no common"
    return f"{whose} {has} search parameter {code}.{meant} Valid are: {', '.join(ready)}."
