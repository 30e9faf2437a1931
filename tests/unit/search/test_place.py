"""Page links: PG-4."""

from __future__ import annotations

import pytest

from resources.hashing import Hash
from resources.outcome import BadRequest
from search.place import Place, Seal

PLACE = Place("code=secret&_count=5", ("secret", None, 3), -(2**63), 2**63 - 1, True)
SEAL = Seal(Hash(bytes(32)).of)


def test_a_link_shows_no_search_value_and_opens_for_its_own() -> None:
    sealed = SEAL.close(PLACE, "1", "actor", "Observation")
    assert "secret" not in sealed
    assert sealed.replace("-", "").replace("_", "").isalnum()
    assert SEAL.open(sealed, Place, "1", "actor", "Observation") == PLACE
    assert SEAL.close(PLACE, "1", "actor", "Observation") != sealed


@pytest.mark.parametrize(
    "bound", [("2", "actor", "Observation"), ("1", "other", "Observation"), ("1", "actor", "Patient")]
)
def test_a_link_opens_for_nobody_else(bound: tuple[str, str, str]) -> None:
    sealed = SEAL.close(PLACE, "1", "actor", "Observation")
    with pytest.raises(BadRequest, match="This link"):
        SEAL.open(sealed, Place, *bound)


def test_a_link_of_another_database_does_not_open() -> None:
    with pytest.raises(BadRequest):
        Seal(Hash(b"\1" * 32).of).open(SEAL.close(PLACE, "1"), Place, "1")


@pytest.mark.parametrize("text", ["", "a", "!!!!", "AAAA", "é", "A" * 100])
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        SEAL.open(text, Place, "1")


def test_a_changed_link_is_refused() -> None:
    sealed = SEAL.close(PLACE, "1")
    for n in (*range(0, len(sealed), 5), len(sealed) - 1):
        for other in "AB-z":
            changed = sealed[:n] + other + sealed[n + 1 :]
            if changed != sealed:
                with pytest.raises(BadRequest):
                    SEAL.open(changed, Place, "1")
    for length in range(1, 5):  # whatever the spare bits are
        sealed = SEAL.close(Place("x" * length, (), 1, 1), "1")
        for other in "ABCDQRSTghijwxyz0123":
            if other != sealed[-1]:
                with pytest.raises(BadRequest):
                    SEAL.open(sealed[:-1] + other, Place, "1")
