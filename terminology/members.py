"""Which codes are in a value set as far as that can be known: yes, no, or unknown and why. Pure.

What a definition enumerates is decided even where nothing else is known of the code system; what rests on concepts or
value sets that are not here is unknown. The three verdicts follow Kleene's logic: includes are an "or", the parts of one
include an "and", an exclude is an "and not".
https://hl7.org/fhir/R4/valueset.html#compositions, https://hl7.org/fhir/R4/terminologies.html#4.1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from resources.profiles.world import NO, YES, Coding, Membership

from .grammars import Verdict
from .valueset import NONE, Part

_NO_SYSTEM_HERE: Final = "\0"  # stands for any code system that a value set does not name
_REASONS: Final = 3  # that an answer gives
_TRIED: Final = 20  # codes looked at for each that is listed

Memo = dict[tuple[int, str], Membership]


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """What an include has of one code system. What is possible and not sure is unknown, or its grammar decides."""

    sure: Part
    possible: Part
    why: str = ""  # why something is unknown
    written: Mapping[str, str] | None = (
        None  # where case does not count: the codes here are folded; folded → as written
    )
    grammar: Verdict | None = None

    def has(self, code: str) -> Membership:
        """YES, NO (these very objects) or an unknown one."""
        if self.written is not None:
            code = code.casefold()
        sure = self.sure
        if (code in sure.codes) != sure.but:
            return YES
        if self.possible is sure or code not in self.possible:
            return NO
        return self.grammar(code) if self.grammar else Membership("unknown", self.why)

    @property
    def weight(self) -> int:
        return len(self.sure.codes) + (0 if self.possible is self.sure else len(self.possible.codes))


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """An include of value sets, all of which must have the code, and perhaps of a code system."""

    imports: tuple[Members, ...]
    system: str | None = None
    share: Share | None = None

    def has(self, system: str, code: str, memo: Memo) -> Membership:
        unknown = []
        if self.share is not None:
            found = self.share.has(code) if system == self.system else NO
            if found is NO:
                return NO
            if found is not YES:
                unknown.append(found)
        for one in self.imports:
            found = one.of(system, code, memo)
            if found is NO:
                return NO
            if found is not YES:
                unknown.append(found)
        return _unknown(unknown) if unknown else YES


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """All includes of a value set, or all its excludes."""

    shares: Mapping[str, tuple[Share, ...]]  # by code system
    joints: tuple[Joint, ...] = ()

    def has(self, system: str, code: str, memo: Memo) -> Membership:
        unknown = []
        for share in self.shares.get(system, ()):
            found = share.has(code)
            if found is YES:
                return YES
            if found is not NO:
                unknown.append(found)
        for joint in self.joints:
            found = joint.has(system, code, memo)
            if found is YES:
                return YES
            if found is not NO:
                unknown.append(found)
        return _unknown(unknown) if unknown else NO

    @property
    def all_shares(self) -> Iterator[tuple[str, Share]]:
        yield from ((system, share) for system, shares in self.shares.items() for share in shares)
        yield from ((one.system, one.share) for one in self.joints if one.system is not None and one.share is not None)


NOTHING: Final = Side({})


class Members:
    """The codes of a value set. One object for one evaluation; it never changes."""

    __slots__ = ("_excluded", "_imports", "_included", "_seen", "_why", "edges", "systems", "weight")

    def __init__(
        self, included: Side, excluded: Side = NOTHING, seen: Mapping[str, Part] | None = None, why: str = ""
    ) -> None:
        """seen: codes that an expansion has, which count where the definition cannot be decided. why: then nothing else
        is known of the value set."""
        self._included, self._excluded, self._seen, self._why = included, excluded, seen or {}, why
        imports = [one for side in (included, excluded) for joint in side.joints for one in joint.imports]
        self._imports = bool(imports)
        shares = [*included.all_shares, *excluded.all_shares]
        named = {system for system, _ in shares}
        self.systems: frozenset[str] = frozenset(named).union(self._seen, *(one.systems for one in imports))
        self.weight = sum(share.weight for _, share in shares) + sum(len(one.codes) for one in self._seen.values())
        self.weight += sum(one.weight for one in imports)
        self.edges = len(shares) + len(imports)  # steps that one question takes at most, without those of the imports

    @classmethod
    def unknown(cls, why: str) -> Members:
        return cls(NOTHING, why=why)

    def has(self, coding: Coding) -> Membership:
        """Whether a code is in the value set. A coding without `system` (a code, string or uri) is if it is one of any
        system; to ask for a Coding that lacks its system give it as ""."""
        code, system = coding.get("code"), coding.get("system")
        if not isinstance(code, str) or not (system is None or isinstance(system, str)):
            return NO
        if system is not None:
            return self.of(system, code, {})
        memo: Memo = {}
        unknown = []
        for one in (*self.systems, _NO_SYSTEM_HERE):
            found = self.of(one, code, memo)
            if found is YES:
                return YES
            if found is not NO:
                unknown.append(found)
        return _unknown(unknown) if unknown else NO

    def of(self, system: str, code: str, memo: Memo) -> Membership:
        """Whether a code of that system is in it. memo: of one code; each value set answers for a system once."""
        if not self._imports:
            return self._of(system, code, memo)
        key = id(self), system
        found = memo.get(key)
        if found is None:
            found = memo[key] = self._of(system, code, memo)
        return found

    def _of(self, system: str, code: str, memo: Memo) -> Membership:
        if self._why:
            return Membership("unknown", self._why)
        found = self._included.has(system, code, memo)
        if found is NO:
            return NO
        if self._excluded is not NOTHING:
            excluded = self._excluded.has(system, code, memo)
            if excluded is YES:
                return NO
            if excluded is not NO:
                found = _unknown([excluded] if found is YES else [found, excluded])
        return found if found is YES or code not in self._seen.get(system, NONE) else YES

    def listed(self, most: int = 20) -> Sequence[tuple[str, str]] | None:
        """(system, code) of all codes, sorted; None if there are more than `most`, or if nobody can tell them all."""
        candidates: set[tuple[str, str]] = set()
        if not self._collect(candidates, most * _TRIED, set()):
            return None
        verdicts = [(one, self.of(*one, {}).verdict) for one in sorted(candidates)]
        found = [one for one, verdict in verdicts if verdict == "yes"]
        return None if len(found) > most or any(verdict == "unknown" for _, verdict in verdicts) else found

    def _collect(self, candidates: set[tuple[str, str]], most: int, through: set[int]) -> bool:
        """Adds what may be in it; False if that is too much or cannot be told."""
        if id(self) in through:
            return True
        through.add(id(self))
        if self._why:
            return False
        for system, share in self._included.all_shares:
            if share.possible.but or len(share.possible.codes) > most:
                return False
            candidates |= {(system, (share.written or {}).get(code, code)) for code in share.possible.codes}
        everything = all(
            one._collect(candidates, most, through) for joint in self._included.joints for one in joint.imports
        )
        return everything and len(candidates) <= most


def in_list(parts: Mapping[str, Part]) -> Members:
    """The members of a value set that is a list of codes."""
    return Members(Side({system: (Share(part, part),) for system, part in parts.items()}))


def _unknown(found: Iterable[Membership]) -> Membership:
    return Membership("unknown", "; ".join(list(dict.fromkeys(one.why for one in found))[:_REASONS]))
