"""Every System there is has all that the protocol asks for."""

from __future__ import annotations

import inspect

import pytest

from terminology import resources
from terminology.grammars.grammatical import Grammatical
from terminology.icd11.postcoordinated import Postcoordinated
from terminology.index.supplement import supplemented
from terminology.system import System

TREE = {
    "resourceType": "CodeSystem", "url": "http://example.org/c", "content": "complete", "status": "active",
    "concept": [{"code": "a", "concept": [{"code": "b"}]}],
}  # fmt: skip
INDEXED = resources.code_system(TREE)
SUPPLEMENT = {
    "resourceType": "CodeSystem", "url": "http://example.org/s", "content": "supplement", "status": "active",
    "supplements": TREE["url"], "concept": [{"code": "a", "designation": [{"value": "A"}]}],
}  # fmt: skip
SYSTEMS = [
    INDEXED,
    supplemented(INDEXED, [SUPPLEMENT]),
    Postcoordinated(INDEXED),
    Grammatical("http://unitsofmeasure.org"),
]
ASKED = [name for name in vars(System) if not name.startswith("_")]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("name", ASKED)
def test_a_system_answers_all_that_is_asked(system: System, name: str) -> None:
    """mypy sees names and types; this sees parameters, whatever is passed on by __getattr__."""
    declared = inspect.getattr_static(System, name)
    if isinstance(declared, property):
        assert inspect.getattr_static(type(system), name, None) is not None or name in dir(system)
        return
    wanted = list(inspect.signature(declared).parameters)[1:]
    assert list(inspect.signature(getattr(system, name)).parameters)[: len(wanted)] == wanted


@pytest.mark.parametrize("system", SYSTEMS[:3], ids=lambda one: type(one).__name__)
def test_ordinals_and_codes_are_each_others_inverse(system: System) -> None:
    assert {system.find(system.code(ordinal)) for ordinal in system.all} == set(system.all)
    assert len(system) == len(system.all) == 2
    root, leaf = system.find("a"), system.find("b")
    assert root is not None
    assert leaf is not None
    assert set(system.descendants(root)) == {leaf}
    assert system.subsumes(root, leaf)
    assert not system.subsumes(leaf, root)
