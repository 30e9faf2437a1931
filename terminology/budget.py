"""What one evaluation may cost: steps are counted where work is done, so that nothing a client sends can stop a worker."""

from __future__ import annotations

from typing import Final

from resources.outcome import TooCostly

STEPS: Final = 5_000_000  # concepts looked at one by one in one request: a second or two


class Spent(Exception):
    """The steps that may be taken where others wait are spent: the evaluation is done anew elsewhere, with more."""


class Budget:
    """Steps that are left. Work on whole bitmaps counts a step for each thousand concepts in them."""

    def __init__(self, steps: int = STEPS, *, sooner: bool = False) -> None:
        """sooner: this is not yet all that may be spent, and Spent is raised instead of TooCostly."""
        self._left = steps
        self._sooner = sooner

    def spend(self, steps: int = 1) -> None:
        """Raises TooCostly when no more steps are left."""
        self._left -= steps + 1
        if self._left < 0:
            if self._sooner:
                raise Spent
            raise TooCostly("The evaluation takes more steps than a request may: ask for something more specific.")
