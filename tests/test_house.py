"""The rules of the house, executable: the message names the file and the rule, and each rule is seen to catch a fault."""

from __future__ import annotations

import ast
import importlib.util
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resources import definitions

from . import house

TYPES = frozenset(definitions.load().resource_types)


def _names_a_type(module: str, tree: ast.AST) -> Iterator[str]:
    return house.names_a_type_in_a_condition(module, tree, TYPES)


# rule → a module that breaks it, with the source that does
RULES: dict[Callable[[str, ast.AST], Iterator[str]], tuple[str, str]] = {
    house.imports_upward: ("search/x.py", "from fhir_server import edge"),
    house.imports_outside_its_home: ("search/x.py", "import asyncpg.pool"),
    house.speaks_sql: ("search/query.py", "X = 'select a from b'"),
    house.session_not_first: ("search/x.py", "async def read(key, session): ..."),
    house.tenant_in_a_global: ("search/x.py", "def f():\n    global tenant"),
    _names_a_type: ("search/x.py", "if kind == 'Patient': pass"),
    house.has_a_vague_name: ("search/x.py", "class SearchManager: ..."),
    house.touches_floats: ("search/x.py", "import json\njson.loads(text)"),
}


@pytest.mark.parametrize("path", house.modules(), ids=house.name_of)
def test_module_keeps_the_rules(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert [fault for rule in RULES for fault in rule(house.name_of(path), tree)] == []


@pytest.mark.parametrize(("rule", "fault"), RULES.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_rule_catches_a_planted_fault(rule: Callable[[str, ast.AST], Iterator[str]], fault: tuple[str, str]) -> None:
    module, source = fault
    assert list(rule(module, ast.parse(source)))
    assert not list(rule(module, ast.parse("from resources import outcome")))


@pytest.mark.parametrize("path", [*house.modules(), *house.test_modules()], ids=house.name_of)
def test_file_is_not_too_long(path: Path) -> None:
    assert list(house.is_too_long(house.name_of(path), len(path.read_text().splitlines()))) == []


def test_the_length_rule_catches_a_planted_fault() -> None:
    assert list(house.is_too_long("x.py", 401))


def test_files_are_small_in_the_median() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in house.modules()) < 150


@pytest.mark.parametrize("path", [p for p in house.modules() if p.name != "__init__.py"], ids=house.name_of)
def test_module_has_its_test(path: Path) -> None:
    """tests/unit mirrors the packages; a module whose work is all in the database is tested in tests/integration."""
    relative = path.relative_to(house.ROOT)
    mirrored = house.ROOT / "tests/unit" / relative.parent / f"test_{relative.name}"
    integration = house.ROOT / "tests/integration" / f"test_{relative.name}"
    assert mirrored.exists() or integration.exists(), f"{relative} has no test"


@pytest.mark.parametrize("floor", house.FLOORS)
def test_floor_resolves_to_our_folder(floor: str) -> None:
    spec = importlib.util.find_spec(floor)
    assert spec
    assert spec.origin == str(house.ROOT / floor / "__init__.py")


def test_only_the_write_function_writes_resources() -> None:
    """One write path: no statement but resource_write inserts into or updates the table of resources, and one of
    resource_reindex, which changes what is made of a resource and not the resource."""
    for path in [*house.modules(), *house.ROOT.glob("*/schema.sql")]:
        text = path.read_text().lower().replace("fhir.", "")
        writes = text.count("insert into resource ") + text.count("update resource ")
        assert writes == (3 if house.name_of(path) == "resources/schema.sql" else 0), path
