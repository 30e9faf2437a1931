"""Names by their sound: SR-5."""

from __future__ import annotations

import pytest

from ..parameter_of import finds, index_of, parameter_of

SMITH = {"name": [{"family": "Smith", "given": ["Stephen"]}, {"text": "Thomas Müller"}]}


@pytest.mark.parametrize(
    ("value", "found"),
    [("Smyth", True), ("smith", True), ("Steven", True), ("Stephen Smyth", True), ("Tomas", False), ("Mueller", True),
     ("Jones", False), ("Smyth Jones", False), ("%", False), ("", False)],
)  # fmt: skip
def test_sr5_names_by_sound(value: str, found: bool) -> None:
    for resource_type in ("Patient", "Person", "Practitioner", "RelatedPerson"):
        assert finds(resource_type, SMITH, f"phonetic={value}") is found


def test_sr5_organizations() -> None:
    for resource_type in ("Organization", "InsurancePlan"):
        assert finds(resource_type, {"name": "Fysician's Group"}, "phonetic=physicians")


def test_sr5_scripts_without_a_sound() -> None:
    assert finds("Patient", {"name": [{"family": "山田"}]}, "phonetic=山田")
    assert not finds("Patient", {"name": [{"family": "山田"}]}, "phonetic=山本")


def test_presence() -> None:
    parameter = parameter_of("Patient", "phonetic")
    assert parameter.present in index_of("Patient", SMITH).keys
    assert parameter.present not in index_of("Patient", {}).keys
