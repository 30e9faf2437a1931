"""Which codes are in a value set as far as that can be known: yes, no, or unknown and why. Pure.

What a definition enumerates is decided even where nothing else is known of the code system; what rests on concepts or
value sets that are not here is unknown. The three verdicts follow Kleene's logic: includes are an "or", the parts of one
include an "and", an exclude is an "and not". Concepts of a code system that is here are sets of its index, however large.
https://hl7.org/fhir/R4/valueset.html#compositions, https://hl7.org/fhir/R4/terminologies.html#4.1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyroaring import BitMap

from resources.profiles.world import NO, YES, Coding, Membership

from ..grammars.grammar import GRAMMARS, Verdict
from ..system import System
from .spelling import Spellings

_NO_SYSTEM_HERE: Final = "\0"  # stands for any code system that a value set does not name
_REASONS: Final = 3  # that an answer gives
_TRIED: Final = 20  # codes looked at for each that is listed
_PACKED: Final = 50  # concepts in a set that take as much memory as one code does

Memo = dict[tuple[int, str], Membership]


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes of one system: these, or all but these."""

    codes: frozenset[str]
    but: bool = False

    def __contains__(self, code: str) -> bool:
        return (code in self.codes) != self.but

    def __or__(self, other: Codes) -> Codes:
        if self.but and other.but:
            return Codes(self.codes & other.codes, True)
        if self.but or other.but:
            whole, some = (self, other) if self.but else (other, self)
            return Codes(whole.codes - some.codes, True)
        return Codes(self.codes | other.codes)

    def __invert__(self) -> Codes:
        return Codes(self.codes, not self.but)

    def __and__(self, other: Codes) -> Codes:
        return ~(~self | ~other)


ALL: Final = Codes(frozenset(), True)
NONE: Final = Codes(frozenset())


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """Concepts of a code system that is here, and codes that it does not have."""

    members: BitMap  # ordinals; not to be changed
    loose: Codes

    def __or__(self, other: Extent) -> Extent:
        return Extent(self.members | other.members, self.loose | other.loose)

    def __and__(self, other: Extent) -> Extent:
        return Extent(self.members & other.members, self.loose & other.loose)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Extent) and self.loose == other.loose and self.members == other.members

    @property
    def weight(self) -> int:
        return len(self.loose.codes) + len(self.members) // _PACKED


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """What an include has of one code system. What is possible and not sure is unknown, or `beyond` decides."""

    sure: Extent
    possible: Extent
    why: str = ""  # why something is unknown
    system: System | None = None  # where its concepts are here
    written: Mapping[str, str] | None = None  # where case does not count: loose codes are folded; folded → as written
    beyond: Verdict | None = None  # of a code that is possible and not sure: by a grammar, or a composed one

    def has(self, code: str) -> Membership:
        """YES, NO (these very objects) or an unknown one."""
        ordinal = self.system.find(code) if self.system is not None else None
        if ordinal is not None:
            if ordinal in self.sure.members:
                return YES
            if self.possible is self.sure or ordinal not in self.possible.members:
                return NO
            return Membership("unknown", self.why)
        if self.written is not None:
            code = code.casefold()
        if code in self.sure.loose:
            return YES
        if self.possible is self.sure or code not in self.possible.loose:
            return NO
        return self.beyond(code) if self.beyond else Membership("unknown", self.why)

    def candidates(self, most: int) -> set[str] | None:
        """All codes that may be in it; None if there are more, or nobody can tell."""
        members, loose = self.possible.members, self.possible.loose
        if loose.but or len(members) + len(loose.codes) > most:
            return None
        found = {(self.written or {}).get(code, code) for code in loose.codes}
        return found if self.system is None else found | set(map(self.system.code, members))

    @property
    def weight(self) -> int:
        return self.sure.weight + (0 if self.possible is self.sure else self.possible.weight)


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
        yield from ((system, share) for system, some in self.shares.items() for share in some)
        yield from ((one.system, one.share) for one in self.joints if one.system and one.share)


NOTHING: Final = Side({})


class Members:
    """The codes of a value set."""

    def __init__(
        self,
        included: Side,
        excluded: Side = NOTHING,
        seen: Mapping[str, frozenset[str]] | None = None,
        why: str = "",
    ) -> None:
        """seen: codes by system that were in it at some time: they are taken for members where nothing decides
        otherwise. why: nothing is known, for this reason."""
        self._included, self._excluded, self._seen, self._why = included, excluded, seen or {}, why
        imports = [one for side in (included, excluded) for joint in side.joints for one in joint.imports]
        self._imports = list({id(one): one for one in imports}.values())
        self._shares = [*included.all_shares, *excluded.all_shares]
        self._spellings: dict[str, Spellings] = {}
        named = {system for system, _ in included.all_shares}
        named.update(*(one.systems for joint in included.joints for one in joint.imports))
        self.systems: frozenset[str] = frozenset(named).union(self._seen)
        self.weight = sum(share.weight for _, share in self._shares) + sum(map(len, self._seen.values()))
        self.weight += sum(one.weight for one in imports)
        self.edges = len(self._shares) + len(imports)  # steps that one question takes at most, without the imports'

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
        return found if found is YES or code not in self._seen.get(system, ()) else YES

    def has_folded(self, system: str, folded: str) -> bool:
        """Whether a code that is known without its case only is surely in it, however it is written."""
        spellings = self._spellings.get(system)
        if spellings is None:
            spellings = self._spellings[system] = self._spelled(system)
        return any(self.of(system, one, {}) is YES for one in spellings.of(folded))

    def _spelled(self, system: str) -> Spellings:
        """How the codes of a system are written in all that decides about them."""
        seen, ahead = {id(self)}, [self]
        shares: list[Share] = []
        while ahead:
            one = ahead.pop()
            shares += (share for url, share in one._shares if url == system)
            for other in one._imports:
                if id(other) not in seen:
                    seen.add(id(other))
                    ahead.append(other)
        systems = {id(share.system): share.system for share in shares if share.system is not None}
        loose = {code for share in shares for extent in (share.sure, share.possible) for code in extent.loose.codes}
        grammar = GRAMMARS.get(system)
        return Spellings(systems.values(), loose, None if grammar is None else grammar.spelled)

    def codes(self, system: str, most: int) -> list[str] | None:
        """All codes of a system; None if there may be more than `most`, or if nobody can tell them all."""
        candidates = self._candidates(system, most, {})
        if candidates is None:
            return None
        verdicts = [(one, self.of(system, one, {}).verdict) for one in sorted(candidates)]
        return (
            None if any(one == "unknown" for _, one in verdicts) else [code for code, one in verdicts if one == "yes"]
        )

    def listed(self, most: int = 20) -> Sequence[tuple[str, str]] | None:
        """(system, code) of all codes, sorted; None if there are more than `most`, or if nobody can tell them all."""
        found: list[tuple[str, str]] = []
        if self._is_open({}):
            return None
        for system in sorted(self.systems):
            some = self.codes(system, most * _TRIED)
            if some is None:
                return None
            found += ((system, code) for code in some)
        return None if len(found) > most else found

    def _is_open(self, through: dict[int, bool]) -> bool:
        """Whether it may have codes of systems that it does not name."""
        if id(self) not in through:
            through[id(self)] = False
            through[id(self)] = bool(self._why) or any(
                joint.share is None and all(one._is_open(through) for one in joint.imports)
                for joint in self._included.joints
            )
        return through[id(self)]

    def _candidates(self, system: str, most: int, through: dict[int, set[str] | None]) -> set[str] | None:
        """What may be in it of a system; None if that is too much or cannot be told."""
        if id(self) in through:
            return through[id(self)]
        through[id(self)] = set()
        through[id(self)] = found = None if self._why else self._gathered(system, most, through)
        return found

    def _gathered(self, system: str, most: int, through: dict[int, set[str] | None]) -> set[str] | None:
        found: set[str] = set()
        for share in self._included.shares.get(system, ()):
            some = share.candidates(most)
            if some is None:
                return None
            found |= some
        for joint in self._included.joints:  # what one part of it has is enough: the others only take away
            if joint.share is not None and joint.system != system:
                continue
            some = joint.share.candidates(most) if joint.share is not None else None
            for one in joint.imports:
                if some is not None:
                    break
                some = one._candidates(system, most, through)
            if some is None:
                return None
            found |= some
        return found if len(found) <= most else None


def in_list(lists: Mapping[str, frozenset[str]]) -> Members:
    """The members of a value set that is a list of codes by system."""
    shares = {}
    for system, codes in lists.items():
        extent = Extent(BitMap(), Codes(codes))
        shares[system] = (Share(extent, extent),)
    return Members(Side(shares))


def of_system(url: str, system: System, members: BitMap) -> Members:
    """These concepts of a code system."""
    extent = Extent(members, NONE)
    return Members(Side({url: (Share(extent, extent, system=system),)}))


def _unknown(found: Iterable[Membership]) -> Membership:
    return Membership("unknown", "; ".join(list(dict.fromkeys(one.why for one in found))[:_REASONS]))
