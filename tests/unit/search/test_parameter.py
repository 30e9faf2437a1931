"""The committed numbers of parameters and the primary dates."""

from __future__ import annotations

from hashlib import sha256

from resources import definitions
from search.expression import parse
from search.intervals import WIDTHS
from search.parameter import ANY, LAST, NONE, WIDE, parameter_numbers, primary_dates
from search.trie import routes

from .parameter_of import parameter_of

R4 = definitions.load()


def test_numbers_are_never_changed() -> None:
    """They stand in the database: the list is only appended to."""
    codes = list(parameter_numbers())
    assert set(codes) == {parameter.code for parameter in R4.search_parameters}
    assert len(codes) == 448 < 2**15
    digest = sha256("\n".join(codes[:448]).encode()).hexdigest()
    assert digest == "5dc02c4a2594756bf2458dfe72d5bc087d9f15a1aebf1099a9e60d1b72b8bec4"


def test_a_primary_date_is_a_date_that_a_resource_has_once() -> None:
    """SO-2: so that the stored sort key serves both directions."""
    dates = primary_dates()
    assert list(dates) == sorted(dates)
    assert len(dates) == 97
    for resource_type, code in dates.items():
        parameter = R4.parameters_of(resource_type)[code]
        assert parameter.type == "date"
        expression = parse(parameter.expression or "")
        assert isinstance(expression, tuple)
        for route in routes(R4, resource_type, expression):
            assert route.place.element
            structure = R4.structures[resource_type]
            paths = [f"{resource_type}.{'.'.join(map(str, route.steps[: n + 1]))}" for n in range(len(route.steps) - 1)]
            assert not any(structure.elements[path].many for path in paths)
            assert not route.place.element.many


def test_the_numbers_that_no_system_has() -> None:
    assert NONE < 1
    assert LAST < WIDE
    assert WIDE + len(WIDTHS) < ANY < 2**31
    assert parameter_of("Observation", "code").system("http://loinc.org") in range(1, LAST + 1)


def test_a_parameter_has_the_same_number_on_every_type() -> None:
    assert parameter_of("Observation", "code").number == parameter_of("Condition", "code").number
    assert parameter_of("Observation", "code").present != parameter_of("Condition", "code").present
