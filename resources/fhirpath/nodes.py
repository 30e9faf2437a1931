"""Elements of a resource as FHIRPath sees them: a value with its FHIR type and its place in the tree.

https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..definitions import Definitions
from ..elements import Element, Structure, TypeRef
from ..paths import step


class Node:
    """One element of a resource, or a System value that an expression made (then without a place)."""

    __slots__ = ("element", "field", "index", "owner", "parent", "shape", "value")

    def __init__(
        self,
        value: Any,
        element: dict[str, Any] | None,
        shape: Shape,
        owner: dict[str, Any] | None = None,
        field: Field | None = None,
        index: int | None = None,
        parent: Node | None = None,
    ) -> None:
        self.value = value  # dict, or the JSON value of a primitive; None if that has only extensions
        self.element = element  # the `_name` object of a primitive, or None
        self.shape = shape
        self.owner = owner  # the object that has the member; None for the root
        self.field = field  # which member of it; None for the root
        self.index = index  # in the member's list; None if it is no list
        self.parent = parent

    @property
    def type_name(self) -> str:
        """ "string", "Quantity", "Patient", "BackboneElement"; "System.Integer" of a System value."""
        return self.shape.name

    @property
    def name(self) -> str | None:
        """The JSON name in `owner`: "valueQuantity"; None for the root."""
        return self.field.json if self.field else None

    @property
    def path(self) -> str:
        """Simple FHIRPath from the root: "Patient.name[0].given[1]", "Observation.value"."""
        parts = []
        node = self
        while node.field is not None and node.parent is not None:
            name = step(node.field.name)
            parts.append(f"{name}[{node.index}]" if node.index is not None else name)
            node = node.parent
        return ".".join([node.type_name, *reversed(parts)])

    @property
    def members(self) -> dict[str, Any] | None:
        """The object with the element's own members: of a primitive the one with its id and extensions."""
        held = self.value if self.shape.is_complex else self.element
        return held if type(held) is dict else None

    def resource(self) -> Node:
        """The nearest resource that it is part of, itself included. https://hl7.org/fhir/R4/fhirpath.html#variables"""
        node = self
        while not node.shape.is_resource and node.parent is not None:
            node = node.parent
        return node

    def root_resource(self) -> Node:
        """As `resource`, but of a contained resource the one that contains it."""
        node = self.resource()
        while node.field is not None and node.field.name == "contained" and node.parent is not None:
            node = node.parent.resource()
        return node

    def __repr__(self) -> str:
        return f"<{self.type_name} {self.path}>"


class Field(NamedTuple):
    """A member of a type as JSON has it; one of several if the element is a choice."""

    name: str  # FHIRPath's: "value"
    json: str  # "valueQuantity"
    beside: str  # "_valueQuantity"
    type_name: str
    many: bool
    shape: Shape | None  # None: a resource, which says its own type


class Shape:
    """What FHIRPath needs to know of a type, or of an element that has its members in place (BackboneElement)."""

    __slots__ = ("_fields", "_model", "_names", "is_complex", "is_resource", "lineage", "name", "path")

    def __init__(self, model: Model | None, name: str, path: str, structure: Structure | None) -> None:
        self.name = name
        self.path = path  # of the definition whose children are the members: "Observation.component"
        self.lineage = model.lineage(name) if model else frozenset({name})
        self.is_resource = structure is not None and structure.kind == "resource"
        self.is_complex = structure is not None and structure.kind != "primitive-type"
        self._model = model
        self._fields: dict[str, Field] | None = None
        self._names: dict[str, tuple[Field, ...]] | None = None

    @property
    def fields(self) -> Mapping[str, Field]:
        """By the name in JSON, `_name` of primitives included."""
        if self._fields is None:
            self._fields = {}
            for field in (one for several in self.by_name.values() for one in several):
                self._fields[field.json] = field
                if field.shape is not None and not field.shape.is_complex:
                    self._fields[field.beside] = field
        return self._fields

    @property
    def by_name(self) -> Mapping[str, tuple[Field, ...]]:
        """By the name in FHIRPath; several fields where the element is a choice."""
        if self._names is None:
            self._names = self._model.fields(self) if self._model else {}
        return self._names

    def __repr__(self) -> str:
        return f"<shape of {self.path}>"


class Model:
    """The shapes of all types of R4, each made on first use."""

    def __init__(self, structures: Mapping[str, Structure]) -> None:
        self.structures = structures
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._lineages: dict[str, frozenset[str]] = {}

    def lineage(self, name: str) -> frozenset[str]:
        """The names of the type and of all it is derived from."""
        if name not in self._lineages:
            found, at = {name}, name
            while at in self.structures and (at := self.structures[at].base):
                found.add(at)
            self._lineages[name] = frozenset(found)
        return self._lineages[name]

    def shape(self, name: str, path: str | None = None) -> Shape:
        """The shape of a type, or of the element at `path` that is of that type."""
        key = (name, path or name)
        if key not in self._shapes:
            self._shapes[key] = Shape(self, name, path or name, self.structures.get(name))
        return self._shapes[key]

    def resource(self, value: Any) -> Shape | None:
        """The shape of a resource, which says its own type; None if it does not."""
        name = value.get("resourceType") if type(value) is dict else None
        return self.shape(name) if type(name) is str and name in self.structures else None

    def fields(self, shape: Shape) -> dict[str, tuple[Field, ...]]:
        structure = self.structures.get(shape.path.partition(".")[0])
        if structure is None:
            return {}
        children = structure.children.get(shape.path, ())
        if not shape.is_complex:  # the value of a primitive is the element itself
            children = tuple(element for element in children if element.name != "value")
        return {element.name: self._fields_of(structure, element) for element in children}

    def _fields_of(self, structure: Structure, element: Element) -> tuple[Field, ...]:
        if element.content is not None:
            types = structure.elements[element.content].types
            return (self._field(element, types[0], self.shape(types[0].code, element.content)),)
        found = {}
        for one in element.types:
            inside = element.path in structure.children
            shape = self.shape(one.code, element.path if inside else None)
            found[one.code] = self._field(element, one, shape)
        return tuple(found.values())

    def _field(self, element: Element, one: TypeRef, shape: Shape) -> Field:
        name = element.json_name(one)
        of_resource = shape.is_resource
        return Field(element.name, name, "_" + name, one.code, element.many, None if of_resource else shape)


class _Same:
    """A mapping that is equal only to itself."""

    __slots__ = ("mapping",)

    def __init__(self, mapping: Mapping[str, Structure]) -> None:
        self.mapping = mapping

    def __hash__(self) -> int:
        return id(self.mapping)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.mapping is other.mapping


@lru_cache(maxsize=4)
def _model(of: _Same) -> Model:
    return Model(of.mapping)


def model(definitions: Definitions) -> Model:
    """The shapes of these definitions' types; shared by all that share the structures."""
    return _model(_Same(definitions.structures))


def root(definitions: Definitions, tree: Mapping[str, Any], type_name: str | None = None) -> Node:
    """The node of a whole resource, or of a value of a data type that is named."""
    name = type_name or tree.get("resourceType")
    return Node(tree, None, model(definitions).shape(str(name)))


def add_named(node: Node, name: str, found: list[Any]) -> None:
    """Appends the children of that name."""
    shape = node.shape
    fields = (shape._names or shape.by_name).get(name)
    if fields is None:
        return
    held = node.value if shape.is_complex else node.element
    if type(held) is not dict:
        return
    if len(fields) == 1:
        _add(node, held, fields[0], found)
        return
    known = shape._fields or shape.fields
    for key in held:
        field = known.get(key)
        if field is not None and field.name == name:
            _add(node, held, field, found)
            return


def add_children(node: Node, found: list[Any]) -> None:
    """Appends all children, in the order of the tree."""
    shape = node.shape
    held = node.value if shape.is_complex else node.element
    if type(held) is not dict:
        return
    known = shape._fields or shape.fields
    for key in held:
        field = known.get(key)
        if field is not None and (key == field.json or field.json not in held):
            _add(node, held, field, found)


def _add(node: Node, held: dict[str, Any], field: Field, found: list[Any]) -> None:
    value = held.get(field.json)
    shape = field.shape
    if shape is not None and not shape.is_complex:
        element = held.get(field.beside)
        if element is not None:
            _add_primitives(node, held, field, value, element, found)
            return
    if value is None:
        return
    if type(value) is list:
        for index, one in enumerate(value):
            if one is not None and (own := shape or _resource(node, one)) is not None:
                found.append(Node(one, None, own, held, field, index, node))
    elif (own := shape or _resource(node, value)) is not None:
        found.append(Node(value, None, own, held, field, None, node))


def _add_primitives(node: Node, held: dict[str, Any], field: Field, value: Any, element: Any, found: list[Any]) -> None:
    assert field.shape is not None
    if type(value) is not list and type(element) is not list:
        found.append(Node(value, element, field.shape, held, field, None, node))
        return
    values = value if type(value) is list else []
    elements = element if type(element) is list else []
    for index in range(max(len(values), len(elements))):
        one = values[index] if index < len(values) else None
        beside = elements[index] if index < len(elements) else None
        if one is not None or beside is not None:
            found.append(Node(one, beside, field.shape, held, field, index, node))


def _resource(node: Node, value: Any) -> Shape | None:
    known = node.shape._model
    return None if known is None else known.resource(value)
