"""The search parameters of R4 as a whole: each of the 1,375 reads something on each of its types."""

from __future__ import annotations

from search.parameters import PARAMETER_TYPES, composite, is_searchable, module_of
from search.parameters.words import TEXTS

from .parameter_of import INDEXER, R4


def test_all_types_of_parameter_have_a_module() -> None:
    assert {one.type for one in R4.search_parameters} == set(PARAMETER_TYPES)
    assert len(R4.search_parameters) == 1_375


def test_every_parameter_reads_something_on_each_of_its_types() -> None:
    without, seen = set(), set()
    for resource_type in R4.resource_types:
        for code, parameter in INDEXER.parameters(resource_type).items():
            definition = parameter.definition
            seen.add(definition.url)
            if definition.type == "composite":
                reads = bool(composite.ends(R4, resource_type, parameter))
            else:
                reads = bool(parameter.types) or not definition.expression
            if not reads:
                without.add((resource_type, code))
    assert not without
    assert len(seen) == 1_375


def test_what_is_searchable() -> None:
    assert {one.code for one in R4.search_parameters if not one.expression} == {"_text", "_content", "_query"}
    assert {one.code for one in R4.search_parameters if not is_searchable(one)} == {"_query"}
    assert set(TEXTS) == {"_text", "_content"}


def test_modules_of_the_specifications_own() -> None:
    modules = {code: {module_of(one).__name__ for one in R4.search_parameters if one.code == code} for code in MEANT}
    assert {code: {name.rpartition(".")[2] for name in names} for code, names in modules.items()} == MEANT


MEANT = {"phonetic": {"phonetic"}, "_text": {"words"}, "_content": {"words"}, "near": {"special"}, "name": {"string"}}
