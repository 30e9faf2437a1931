from __future__ import annotations

import inspect

import pytest

from fhir_server.validation.book import Book
from resources.profiles.world import NO, YES, Membership, World
from tests import worlds

ASKED = {name: one for name, one in vars(World).items() if inspect.isfunction(one) and not name.startswith("_")}


@pytest.mark.parametrize("answering", [Book, worlds.World])
def test_what_validation_asks_is_answered(answering: type) -> None:
    assert set(ASKED) == {"profile", "member_of", "subsumes", "listed", "resource"}
    for name, asked in ASKED.items():
        given = inspect.signature(getattr(answering, name))
        assert list(given.parameters) == list(inspect.signature(asked).parameters)


def test_verdicts() -> None:
    assert (YES.verdict, NO.verdict) == ("yes", "no")
    assert Membership("unknown", "nobody knows").why == "nobody knows"
