"""Steps that an evaluation may take."""

from __future__ import annotations

import pytest

from resources.outcome import TooCostly
from terminology.budget import Budget, Spent


def test_whoever_takes_more_steps_is_refused() -> None:
    budget = Budget(10)
    budget.spend(9)
    with pytest.raises(TooCostly):
        budget.spend()


def test_a_call_is_a_step_by_itself() -> None:
    budget = Budget(3)
    for _ in range(3):
        budget.spend(0)
    with pytest.raises(TooCostly):
        budget.spend(0)


def test_the_first_steps_end_otherwise() -> None:
    with pytest.raises(Spent):
        Budget(3, sooner=True).spend(3)
    assert not issubclass(Spent, TooCostly)
