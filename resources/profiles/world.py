"""What validation asks about things that are not in the resource itself.

Rules are pure and sync: everything is answered from memory. What is not there yet is noted by the one who answers, who
reads it and has the resource judged again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from .definition import Profile

Tree = Mapping[str, Any]
Coding = Mapping[str, Any]  # {"system", "code", …}; of an element of type code without system


class Membership(NamedTuple):
    """Whether a code is in a value set."""

    verdict: str  # yes | no | unknown
    why: str = ""  # why it is unknown: "the code system http://… is not known here"


YES: Final = Membership("yes")
NO: Final = Membership("no")


class World(Protocol):
    """What is known besides the resource. Canonical URLs may end in |version."""

    def profile(self, canonical: str) -> Profile | None:
        """The StructureDefinition of that URL; None if it is not known here."""

    def member_of(self, value_set: str, coding: Coding) -> Membership:
        """Whether a code is in the value set."""

    def subsumes(self, one: Coding, other: Coding) -> bool | None:
        """Whether the first code is the second or above it; None if it is not known."""

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        """(system, code) of all codes of a small value set, for a sender to choose from; None if there are many."""

    def resource(self, reference: str) -> Tree | None:
        """The resource that a reference leads to, if it is neither contained nor in the same Bundle."""
