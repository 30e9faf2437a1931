"""From a query to the conditions a resource must meet. Pure: what needs the database stays Pending in them.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resources.outcome import NotSupported

from . import filtering
from .conditions import EVERYTHING, And, Condition, Inside, Keys, Listed, Not, Nothing, Or, Referred, Refers
from .contained import entry
from .criteria import Chain, Clause, Filter, Has
from .filter import Comparison, Joined, Negation, Step
from .indexer import COLUMNS, Indexer
from .names import LIST, Names, Node
from .parameter import Parameter
from .parameters import module_of, words
from .query import Query

_ENTRY: Final = frozenset({"Resource"})  # types of values that are a resource, not a reference
_URLS: Final = frozenset({"canonical", "uri"})  # types of values that lead by URL, not by id


def conditions(indexer: Indexer, query: Query, contained: bool = False) -> tuple[Condition, ...]:
    """All that the query asks for. contained: of resources inside others (`_contained`) instead of those that stand alone.

    Raises BadRequest for values that cannot be read."""
    if query.named:
        raise NotSupported(f"_query={query.named[0]}: there is no named query of that name here.")
    types = query.resource_types or indexer.definitions.resource_types
    builder = _Builder(indexer, Names(indexer.definitions), query.base_url, contained)
    found = [builder.of(types, criterion) for criterion in query.criteria]
    if query.compartment:
        # A compartment has no contained resources, only what contains them.
        number, key = indexer.definitions.type_number, indexer.hash(*query.compartment)
        found.append(Nothing() if contained else Inside(tuple((key, number(name)) for name in types)))
    if contained and not entries(indexer).isdisjoint(types):
        found.append(Not(Keys((entry(indexer.hash),))))
    return tuple(found)


def entries(indexer: Indexer) -> frozenset[str]:
    """The types that the first entry of a Bundle is searched for, by parameters on that resource itself."""
    parameters = indexer.parameters("Bundle").values()
    return frozenset(name for one in parameters if one.types == _ENTRY for name in one.resource_types)


def of_clause(
    indexer: Indexer, resource_type: str, clause: Clause, base_url: str, contained: bool = False
) -> Condition:
    """What one clause asks for of resources of the type."""
    parameter = indexer.parameters(resource_type, contained)[clause.code]
    if clause.modifier == "missing":
        return _missing(parameter, clause.values == ("true",))
    if contained and clause.code == "_lastUpdated":
        return Nothing()  # what is contained has no history of its own
    return _condition(parameter, clause.modifier, clause.values, base_url)


def _condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    found: Condition = module_of(parameter.definition).condition(parameter, modifier, values, base_url)
    return found


def _missing(parameter: Parameter, missing: bool) -> Condition:
    """`:missing`: whether there is no value that the parameter could match."""
    if parameter.code in words.TEXTS and not parameter.types:
        return _condition(parameter, None, (), "")  # says that there is no index of words
    if parameter.code in COLUMNS and (not parameter.contained or parameter.code == "_lastUpdated"):
        return EVERYTHING if missing == parameter.contained else Nothing()
    present = Keys((parameter.present,), 3)
    return Not(present) if missing else present


@dataclass(frozen=True, slots=True)
class _Builder:
    indexer: Indexer
    names: Names
    base_url: str
    contained: bool

    def of(self, types: Sequence[str], node: Node) -> Condition:
        """What the node asks for of resources of any of the types, and right for each of them."""
        match node:
            case Filter(expression=expression):
                return self.of(types, expression)
            case Joined(operator=operator, parts=parts):
                found = tuple(self.of(types, part) for part in parts)
                return And(found) if operator == "and" else Or(found)
            case Negation(expression=expression):
                return Not(self.of(types, expression))
            case Has():
                return self._has(node)
            case Chain():
                return merged([self._chain(name, node) for name in types])
            case Step():
                return merged([self._step(name, node) for name in types])
            case Comparison():
                return merged([self._compared(name, node) for name in types])
            case Clause(code=code) if code == LIST:
                numbers = tuple(map(self.indexer.definitions.type_number, types))
                return Or(() if self.contained else tuple(Listed(one, numbers) for one in node.values))
            case Clause():
                return merged([self._clause(name, node) for name in types])

    def _clause(self, resource_type: str, clause: Clause) -> Condition:
        return of_clause(self.indexer, resource_type, clause, self.base_url, self.contained)

    def _compared(self, resource_type: str, compared: Comparison) -> Condition:
        parameter = self.indexer.parameters(resource_type, self.contained)[compared.code]
        if compared.operator == "pr":
            return self._clause(
                resource_type, Clause(compared.code, "missing", ("false" if compared.value == "true" else "true",))
            )
        if self.contained and compared.code == "_lastUpdated":
            return Nothing()
        return filtering.condition(parameter, compared, self.base_url)

    def _step(self, resource_type: str, step: Step) -> Condition:
        composite = self.names.composite(resource_type, step)
        if composite:
            return filtering.located(step, lambda: self._clause(resource_type, composite))
        return self._leading(resource_type, step, (step.where, step.rest) if step.where else (step.rest,))

    def _chain(self, resource_type: str, chain: Chain) -> Condition:
        return self._leading(resource_type, chain, (chain.criterion,))

    def _leading(self, resource_type: str, chain: Chain | Step, nodes: Sequence[Node]) -> Condition:
        """What a reference leads to, alone or contained beside it, meets all of the nodes."""
        parameter = self.indexer.parameters(resource_type, self.contained)[chain.code]
        if parameter.types and parameter.types <= _URLS:
            raise NotSupported(f"{chain.code}: nothing can be chained to canonical URLs.")
        targets = []
        for target in self.names.targets(resource_type, chain):
            number = self.indexer.definitions.type_number(target)
            for contained in (True,) if parameter.types == _ENTRY else (False, True):
                there = _Builder(self.indexer, self.names, self.base_url, contained)
                found = tuple(there.of((target,), node) for node in nodes)
                targets.append(((-number if contained else number,), found[0] if len(found) == 1 else And(found)))
        return Refers((parameter.pointing,), tuple(targets))

    def _has(self, has: Has) -> Condition:
        """Some resource points here and meets the criterion. Nothing points to what is contained but its own container."""
        if self.contained:
            return Nothing()
        parameter = self.indexer.parameters(has.resource_type)[has.code]
        number = self.indexer.definitions.type_number(has.resource_type)
        return Referred((parameter.pointing,), number, self.of((has.resource_type,), has.criterion))


def merged(of_types: Sequence[Condition]) -> Condition:
    """One condition for resources of several types, which holds where that of the resource's own type does.

    A condition on values is met by its own type only, so that any may hold; that something is missing is met by all
    other types, so that all must hold. The conditions of one criterion are of one kind on all types."""
    distinct = tuple(dict.fromkeys(of_types))
    if len(distinct) == 1:
        return distinct[0]
    return And(distinct) if _holds_elsewhere(distinct[0]) else Or(distinct)


def _holds_elsewhere(condition: Condition) -> bool:
    """Whether resources of types that the condition is not about meet it."""
    match condition:
        case Not(condition=inner):
            return not _holds_elsewhere(inner)
        case And(conditions=parts):
            return all(map(_holds_elsewhere, parts))
        case Or(conditions=parts):
            return any(map(_holds_elsewhere, parts))
    return False
