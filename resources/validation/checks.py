"""The thorough form of validation: a closure for every type and element, which finds everything that is wrong.

Built from the definitions when a type is first met. A check takes a decoded JSON value, the path it stands at and the
scope of its resource, and adds issues to the scope; it raises nothing but Enough. https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from typing import Any

from ..definitions import Definitions
from ..elements import CANONICAL, Element, TypeRef
from ..outcome import Issue
from ..paths import step
from ..references import stated_type, target_type
from .bindings import MIME_TYPES, Binding, allowed_codes, is_mime_type, membership
from .fields import ELE_1, Check, Field, Scope, complex_field, primitive_field, unknown
from .invariants import invariants
from .narrative import fault as narrative_fault
from .primitives import kind_of, primitive, quoted
from .suggestions import meant, of_code, of_codings

_CONTAINED = CANONICAL + "DomainResource#"
_REF_1 = CANONICAL + "Reference#ref-1"


class Checks:
    """The checks of all types, each made on first use."""

    def __init__(self, definitions: Definitions, binding: Binding) -> None:
        self._definitions = definitions
        self._binding = binding
        self._objects: dict[tuple[str, tuple[str, ...]], Check] = {}

    def resource(self, tree: Any, path: str, issues: list[Issue]) -> None:
        """Finds all that is wrong with a resource and the resources inside it."""
        scope = Scope(tree if isinstance(tree, dict) else {}, issues)
        self._resource(tree, path, scope)
        for at, local in scope.unlinked:
            if local not in scope.local:
                scope.add("invariant", "is contained, but nothing refers to it (dom-3)", at, rule=_CONTAINED + "dom-3")

    def _resource(self, tree: Any, path: str, scope: Scope) -> None:
        if not isinstance(tree, dict):
            return scope.add("structure", f"must be a resource, not {kind_of(tree)}", path)
        resource_type = tree.get("resourceType")
        if resource_type is None:
            return scope.add("required", "has no resourceType", path)
        if not isinstance(resource_type, str) or not self._definitions.is_resource_type(resource_type):
            shown = quoted(resource_type) if isinstance(resource_type, str) else kind_of(resource_type)
            hint = meant(resource_type, self._definitions.resource_types) if isinstance(resource_type, str) else ""
            return scope.add("value", f"has resourceType {shown}, which is not a type of R4{hint}", path)
        self._object(resource_type)(tree, path, scope)

    def _contained(self, tree: Any, path: str, scope: Scope) -> None:
        """https://hl7.org/fhir/R4/references.html#contained"""
        before, scope.local = scope.local, set()
        self._resource(tree, path, scope)
        if isinstance(tree, dict):
            if "#" not in scope.local:
                scope.unlinked.append((path, f"#{tree.get('id')}"))
            if "contained" in tree:
                text = "stands inside a contained resource (dom-2)"
                scope.add("invariant", text, f"{path}.contained", rule=_CONTAINED + "dom-2")
            meta = tree.get("meta")
            for name, key in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")):
                if isinstance(meta, dict) and name in meta:
                    text = f"stands in a contained resource ({key})"
                    scope.add("invariant", text, f"{path}.meta.{name}", rule=_CONTAINED + key)
        scope.local |= before

    # objects

    def _object(self, path: str, profiles: tuple[str, ...] = ()) -> Check:
        """The check of the objects at a path: of a type ("HumanName") or of an element of one ("Patient.contact")."""
        if (path, profiles) not in self._objects:
            self._objects[path, profiles] = self._made(path, profiles)
        return self._objects[path, profiles]

    def _made(self, path: str, profiles: tuple[str, ...]) -> Check:
        structures = self._definitions.structures
        structure = structures[path.partition(".")[0]]
        fields: dict[str, Field] = {}
        required: list[tuple[str, str, frozenset[str]]] = []  # name, cardinality, JSON names
        choices: list[tuple[str, frozenset[str]]] = []
        for element in structure.children[path]:
            names = frozenset(self._fields(element, fields))
            if element.minimum:
                cardinality = f"{element.minimum}..{'*' if element.many else 1}"
                required.append((step(element.name), cardinality, names | {"_" + name for name in names}))
            if element.choice:
                choices.append((element.name, names))
        rules = invariants(structures, path, profiles)
        is_resource = structure.kind == "resource" and path == structure.name
        needs_children = not is_resource and path != "Element"  # which stands beside a value

        def check(value: Any, at: str, scope: Scope) -> None:
            if type(value) is not dict:
                return scope.add("structure", f"must be a JSON object, not {kind_of(value)}", at)
            if not value:
                return scope.add("structure", "is an empty object; leave it out", at)
            if needs_children and value.keys() == {"id"}:
                return scope.add("invariant", "has neither a value nor children (ele-1)", at, rule=ELE_1)
            found_before = len(scope.issues)
            for name in value:
                if field := fields.get(name):
                    field(value, name, at, scope)
                elif not (is_resource and name == "resourceType"):
                    unknown(name, at, fields, choices, scope)
            for name, cardinality, spellings in required:
                if spellings.isdisjoint(value):
                    scope.add("required", f"is required ({cardinality})", f"{at}.{name}")
            for name, spellings in choices:
                stated = sorted({key.removeprefix("_") for key in value} & spellings)
                if len(stated) > 1:
                    text = f"is given as {' and '.join(stated)}: only one type of {name}[x] may be given"
                    scope.add("structure", text, f"{at}.{name}")
            if len(scope.issues) == found_before:  # what is broken already is judged no further
                for key, human, holds, rule in rules:
                    if not holds(value):
                        scope.add("invariant", f"breaks {key}: {human}", at, rule=rule)

        return check

    def _fields(self, element: Element, fields: dict[str, Field]) -> list[str]:
        """Adds the fields of the element under each JSON name it can have, `_name` included, and returns the names."""
        if element.content:
            fields[element.name] = complex_field(self._later(element.content), element.name, element.many)
            return [element.name]
        names = []
        for one in element.types:
            name = element.json_name(one)
            names.append(name)
            if self._definitions.structures[one.code].kind == "primitive-type":
                extended = self._later("Element")
                fields[name] = primitive_field(
                    self._primitive(element, one), extended, name, element.many, element.name
                )
                # These are attributes of their element and not elements, so they cannot be extended.
                if name != "id" and element.path != "Extension.url" and one.code != "xhtml":
                    fields["_" + name] = fields[name]
            else:
                fields[name] = complex_field(self._complex(element, one), name, element.many, element.name)
        return names

    def _later(self, path: str, profiles: tuple[str, ...] = ()) -> Check:
        """The check of an object type that may be the one being made."""
        return lambda value, at, scope: self._object(path, profiles)(value, at, scope)

    def _complex(self, element: Element, one: TypeRef) -> Check:
        if one.code == "Resource":
            if element.name == "contained":
                return self._contained
            return lambda value, at, scope: self.resource(value, at, scope.issues)
        if one.code in ("BackboneElement", "Element"):
            return self._later(element.path)
        if one.code == "Reference":
            return self._reference(one.targets)
        check = self._later(one.code, one.profiles)
        return self._coded(check, element.binding) if element.binding else check

    def _reference(self, targets: tuple[str, ...]) -> Check:
        plain = self._later("Reference")
        known = self._definitions.is_resource_type
        wanted = " or ".join(targets)

        def check(value: Any, at: str, scope: Scope) -> None:
            found_before = len(scope.issues)
            plain(value, at, scope)
            if len(scope.issues) > found_before:
                return
            text, stated = value.get("reference"), stated_type(value.get("type", ""), known)
            named = target_type(text or "", known)
            if text and text[0] == "#":
                scope.local.add(text)
                if text == "#":
                    named = scope.resource_type
                elif text[1:] not in scope.contained:
                    missing = f"is {quoted(text)}, but no such resource is contained (ref-1)"
                    return scope.add("invariant", missing, f"{at}.reference", rule=_REF_1)
                else:
                    named = scope.contained[text[1:]]
            for name, target in (("reference", named), ("type", stated)):
                if targets and target and target not in targets:
                    scope.add("value", f"points to {target}; allowed is {wanted}", f"{at}.{name}")
            if named and stated and named != stated:
                scope.add("value", f"says {stated}, but the reference is to {named}", f"{at}.type")

        return check

    def _coded(self, plain: Check, value_set: str) -> Check:
        """The check of a CodeableConcept whose value set is required."""
        ask = membership(self._definitions, value_set, self._binding)
        systems = self._definitions.codes(value_set) or {}

        def check(value: Any, at: str, scope: Scope) -> None:
            found_before = len(scope.issues)
            plain(value, at, scope)
            if len(scope.issues) > found_before or value.keys() <= {"id", "extension"}:
                return
            codings = value.get("coding", ())
            answer = ask(codings)
            if answer == "no":
                hint = of_codings(codings, systems)
                scope.add("code-invalid", f"has no coding in the value set {value_set}{hint}", at)
            elif answer == "unknown":
                text = f"was not checked against the value set {value_set}, whose codes are not known here"
                scope.add("not-supported", text, at, severity="warning")

        return check

    # primitives

    def _primitive(self, element: Element, one: TypeRef) -> Check:
        fault = primitive(one.code, self._definitions.structures[one.code].pattern)
        rules = invariants(self._definitions.structures, element.path)
        value_set = element.binding or ""
        allowed = allowed_codes(self._definitions, value_set) or frozenset()
        admits = is_mime_type if value_set == MIME_TYPES else allowed.__contains__
        may_be_local = one.code in ("canonical", "uri", "url")

        def check(value: Any, at: str, scope: Scope) -> None:
            found = fault(value) or (narrative_fault(value) if one.code == "xhtml" else None)
            if found:
                code, text = found
                key = text[-6:-1] if code == "invariant" else ""  # "… (txt-1)"
                return scope.add(code, text, at, rule=key and f"{CANONICAL}Narrative#{key}")
            if may_be_local and value[0] == "#":
                scope.local.add(value)
            if value_set and not admits(value):
                text = f"is {quoted(value)}, which is not in the value set {value_set}{of_code(value, allowed)}"
                scope.add("code-invalid", text, at)
            for key, human, holds, rule in rules:
                if not holds(value):
                    scope.add("invariant", f"breaks {key}: {human}", at, rule=rule)

        return check
