"""The wiring: what dispatches, and what it dispatches to, are the same set."""

from fhir_server.app import INTERACTIONS
from fhir_server.preferences import PRECONDITIONS
from fhir_server.router import ROUTES


def test_every_route_has_its_interaction_and_every_interaction_a_route() -> None:
    assert {route.interaction for route in ROUTES} == set(INTERACTIONS)


def test_preconditions_are_of_interactions() -> None:
    assert set(PRECONDITIONS) <= set(INTERACTIONS)
