"""Which version counts. TX-12."""

from __future__ import annotations

from typing import Any

import pytest

from resources.operation import Parameters, Value
from resources.outcome import BadRequest, Unprocessable
from terminology.versions import Versions

from .operations.asked import scope

URL = "urn:colours"


def system(version: str, date: str) -> dict[str, Any]:
    concepts = [{"code": "red"}]
    head = {"resourceType": "CodeSystem", "url": URL, "status": "active", "content": "complete"}
    return {**head, "version": version, "date": date, "concept": concepts}


SCOPE = scope(
    system("2.0.0", "2024-05-01"),
    system("1.0.0", "2020-01"),
    {"resourceType": "ValueSet", "url": "urn:vs", "version": "2", "date": "2024", "status": "active"},
    {"resourceType": "ValueSet", "url": "urn:vs", "version": "1", "date": "2020", "status": "active"},
)


def versions(*pairs: tuple[str, str]) -> Versions:
    return Versions.of(Parameters(tuple(Value(name, value) for name, value in pairs)))


@pytest.mark.parametrize(
    ("sent", "stated", "wanted"),
    [
        ((), "", ""),
        ((), "1.0.0", "1.0.0"),
        ((("system-version", f"{URL}|1.0.x"),), "", "1.0.x"),
        ((("system-version", f"{URL}|1.0.x"),), "2.0.0", "2.0.0"),
        ((("system-version", "urn:other|1"),), "", ""),
        ((("force-system-version", f"{URL}|1.0.0"),), "2.0.0", "1.0.0"),
        ((("check-system-version", f"{URL}|1.x"),), "", "1.x"),
        ((("date", "2023-01-01"),), "", "1.0.0"),
        ((("date", "2024-05-01"),), "", "2.0.0"),
        ((("date", "2024"),), "", "2.0.0"),
        ((("date", "2010"),), "", ""),
        ((("date", "2010"),), "2.0.0", "2.0.0"),
    ],
)
def test_tx_12_the_version_of_a_code_system(sent: tuple[tuple[str, str], ...], stated: str, wanted: str) -> None:
    assert versions(*sent).of_system(SCOPE, URL, stated) == wanted


def test_tx_12_another_version_than_is_checked_for_is_an_error() -> None:
    checked = versions(("check-system-version", f"{URL}|1.x"))
    checked.check_system(URL, "1.4", "here")
    checked.check_system("urn:other", "7", "here")
    with pytest.raises(Unprocessable, match=r"'2.0.0' is not allowed for system 'urn:colours': required to be '1.x'"):
        checked.check_system(URL, "2.0.0", "here")


def test_the_version_of_a_value_set() -> None:
    def found(version: str, *sent: tuple[str, str]) -> Any:
        tree = versions(*sent).value_set(SCOPE, "urn:vs", version)
        return tree and tree["version"]

    assert found("") == "2"
    assert found("", ("default-valueset-version", "urn:vs|1")) == "1"
    assert found("2", ("default-valueset-version", "urn:vs|1")) == "2"
    assert found("", ("date", "2022-02")) == "1"
    assert found("3") is None


def test_a_version_has_to_be_said() -> None:
    with pytest.raises(BadRequest, match=r"system-version is a canonical URL with a version.*'urn:x' has none"):
        versions(("system-version", "urn:x"))
