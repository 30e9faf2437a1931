"""ROUTES: every path leads to its interaction, and to no other (UR-1, UR-3)."""

import pytest

from fhir_server.router import ROUTES, find
from resources.definitions import load
from resources.outcome import MethodNotAllowed, NotFound

DEFINITIONS = load()


@pytest.mark.parametrize(
    ("method", "path", "interaction"),
    [
        ("GET", "metadata", "capabilities"),
        ("GET", "Patient/1", "read"),
        ("GET", "Patient/metadata", "read"),
        ("GET", "Patient/1/_history/2", "vread"),
        ("POST", "Patient", "create"),
        ("PUT", "Patient/1", "update"),
        ("DELETE", "Patient/1", "delete"),
        ("GET", "Patient/1/_history", "history-instance"),
        ("GET", "Patient/_history", "history-type"),
        ("GET", "_history", "history-system"),
        ("GET", "Patient", "search-type"),
        ("POST", "Patient/_search", "search-type"),
        ("GET", "Patient/_search", None),
        ("POST", "_search", "search-system"),
        ("GET", "Patient/1/Observation", "search-compartment"),
        ("POST", "Patient/1/Observation/_search", "search-compartment"),
        ("GET", "Patient/1/*", "search-compartment"),
        ("POST", "Encounter/1/*/_search", "search-compartment"),
        ("GET", "Device/_search/Observation", None),
        ("GET", "Patient/*", "read"),
        ("GET", "Patient/*/_history/1", "vread"),
    ],
)
def test_se_2_a_path_leads_to_its_interaction(method: str, path: str, interaction: str | None) -> None:
    if interaction is None:
        with pytest.raises((NotFound, MethodNotAllowed)):
            find(method, tuple(path.split("/")), DEFINITIONS)
    else:
        assert find(method, tuple(path.split("/")), DEFINITIONS).interaction == interaction


def test_the_base_takes_bundles_and_searches() -> None:
    assert find("GET", (), DEFINITIONS).interaction == "search-system"
    assert find("POST", (), DEFINITIONS).interaction in ("batch", "transaction")


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.shape}")
def test_every_row_is_reached(row: object) -> None:
    shape = row.shape.replace("[compartment]", "Patient").replace("[vid]", "7")  # type: ignore[attr-defined]
    shape = shape.replace("[type]", "Observation").replace("[id]", "a-1")
    found = find(row.method, tuple(shape.split("/")) if shape else (), DEFINITIONS)  # type: ignore[attr-defined]
    assert found.shape == row.shape  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path",
    [
        "patient/1",
        "Foo",
        "Resource/1",
        "DomainResource",
        "Observation/1/Patient",
        "Observation/1/*",
        "Patient/1/observation",
        "Patient/1/Observation/2",
        "Patient/1/*/*",
        "Patient/_history/Observation",
        "Patient/1/_history/2/3",
        "Patient/1/2",
        "Patient//1",
        "_search/Patient",
        "_other",
        "metadata/1",
        "Patient/1/2/$nothing",
        "Nothing/$nothing",
        "_async",
    ],
)
def test_ur_3_an_unknown_path_is_404_not_supported(path: str) -> None:
    with pytest.raises(NotFound) as caught:
        find("GET", tuple(path.split("/")), DEFINITIONS)
    assert caught.value.issues[0].code == "not-supported"


def test_ur_1_a_type_in_another_case_is_named() -> None:
    with pytest.raises(NotFound, match="Patient was meant"):
        find("GET", ("patient", "1"), DEFINITIONS)
    with pytest.raises(NotFound, match="Observation was meant"):
        find("GET", ("Patient", "1", "observation"), DEFINITIONS)


def test_cm_2_a_type_without_a_compartment_is_named() -> None:
    with pytest.raises(NotFound, match="Observation has no compartment; there are those of Device, Encounter, Patient"):
        find("GET", ("Observation", "1", "Patient"), DEFINITIONS)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "Patient/1", "DELETE, GET, HEAD, PATCH, PUT"),
        ("PATCH", "metadata", "GET, HEAD"),
        ("PUT", "_async/1", "DELETE, GET, HEAD"),
        ("DELETE", "$meta", "GET, HEAD, POST"),
        ("PUT", "Patient/1/_history/2/$meta", "GET, HEAD, POST"),
        ("POST", "metadata", "GET, HEAD"),
        ("PUT", "Patient/1/_history/2", "GET, HEAD"),
        ("DELETE", "Patient/1/_history", "GET, HEAD"),
        ("GET", "Patient/_search", "POST"),
        ("PUT", "", "GET, HEAD, POST"),
        ("POST", "Patient/1/Observation", "GET, HEAD"),
        ("GET", "Patient/1/*/_search", "POST"),
    ],
)
def test_ur_3_a_wrong_method_is_405_with_allow(method: str, path: str, allow: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        find(method, tuple(path.split("/")) if path else (), DEFINITIONS)
    assert caught.value.headers["Allow"] == allow
    assert caught.value.issues[0].code == "not-supported"
