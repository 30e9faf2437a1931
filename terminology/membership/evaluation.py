"""Value sets evaluated as far as it goes: what is missing makes codes unknown and never the whole an error. Pure.

For a search the same is done in trust: what is missing is an error, but a code in use of a code system that is not here is
taken for one of it. https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from pyroaring import BitMap

from resources.outcome import FhirError, TooCostly
from resources.profiles.world import NO, YES, Membership

from ..budget import Budget
from ..filters import Filter, meets, select
from ..grammars.grammar import GRAMMARS, Grammar, Unanswerable, Verdict
from ..icd11.postcoordinated import COMPOSED
from ..scope import CODE_SYSTEM, VALUE_SET
from ..system import System
from .members import ALL, NONE, NOTHING, Codes, Extent, Joint, Members, Share, Side, in_list

EDGES: Final = 1_000  # code systems and imports that one question to the outcome may go through
DEEPEST: Final = 50  # value sets within each other
_FILTER: Final = 60  # steps of a filter, besides one for each thousand concepts

_COMPLETE: Final = frozenset({"complete", ""})
_PARTIAL: Final = frozenset({"fragment", "example"})  # some concepts are here
_POSITIVE: Final = frozenset({"is-a", "descendent-of", "generalizes"})  # a code is in it by a path that is here
_CODES: Final = frozenset({"code", "concept"})
_BY_OTHERS: Final = frozenset({"parent", "child", "subsumedBy", "ancestor", "descendant", "constraint", "expression"})

Tree = Mapping[str, Any]


class World(Protocol):
    """What a definition may refer to, as far as it was found. Canonical URLs may end in |version."""

    @property
    def budget(self) -> Budget: ...
    def value_set(self, canonical: str) -> Tree | None: ...
    def listed(self, canonical: str) -> Mapping[str, frozenset[str]] | None:
        """The codes of a value set that needs no evaluation."""

    def code_system(self, canonical: str, value_set: Tree) -> System | None:
        """value_set: that which names it."""

    def missing(self, resource_type: str, canonical: str) -> Unanswerable:
        """Why it was not found."""


def members_of(canonical: str, world: World, *, trusting: bool = False) -> Members:
    """The members of a value set; in itself it adds nothing.

    trusting: nothing is unknown; raises Unanswerable and FhirError for what is missing or wrong, TooCostly."""
    try:
        return _Evaluation(world, trusting).value_set(canonical, canonical, None, 0)
    except TooCostly:
        if trusting:
            raise
        return Members.unknown(f"the value set {canonical} takes more than can be evaluated here")


class _Evaluation:
    """One value set; each of those it rests on is worked out once."""

    def __init__(self, world: World, trusting: bool) -> None:
        self._world = world
        self._trusting = trusting
        self._done: dict[str, Members] = {}
        self._edges = 0

    def value_set(self, name: str, canonical: str, tree: Tree | None, depth: int) -> Members:
        """name: what is different of each; tree: of one that is contained in another."""
        if name in self._done:
            return self._done[name]
        if depth > DEEPEST:
            return self._unknown(Unanswerable(f"value sets are nested more than {DEEPEST} deep", "too-costly"))
        self._done[name] = Members(NOTHING)  # what it is inside itself
        self._done[name] = members = self._evaluated(name, canonical, tree, depth)
        self._edges += members.edges
        if self._edges > EDGES and not self._trusting:
            raise TooCostly("The value set goes through too many others.")
        return members

    def _unknown(self, why: Unanswerable) -> Members:
        if self._trusting:
            raise TooCostly(f"{why}.") if why.code == "too-costly" else why
        return Members.unknown(str(why))

    def _evaluated(self, name: str, canonical: str, tree: Tree | None, depth: int) -> Members:
        if tree is None:
            if (lists := self._world.listed(canonical)) is not None:
                return in_list(lists)
            tree = self._world.value_set(canonical)
        if tree is None:
            return self._unknown(self._world.missing(VALUE_SET, canonical))
        compose, expansion = tree.get("compose"), tree.get("expansion")
        if compose is None and expansion is None:
            return self._unknown(Unanswerable(f"the value set {canonical} does not say what is in it", "value"))
        expanded = _expanded(expansion or {})
        if compose is None:
            return in_list(expanded)
        active_only = compose.get("inactive") is False
        included = self._side(compose.get("include", ()), name, tree, depth, active_only, True)
        excluded = self._side(compose.get("exclude", ()), name, tree, depth, False, False)
        return Members(included, excluded, None if self._trusting else expanded)

    def _side(
        self, includes: Iterable[Tree], name: str, tree: Tree, depth: int, active_only: bool, selectable: bool
    ) -> Side:
        joints: list[Joint] = []
        shares: dict[str, list[Share]] = {}
        for one in includes:
            url = one.get("system", "")
            share = self._share(one, tree, active_only, selectable) if url else None
            if imported := [canonical for canonical in one.get("valueSet", ()) if canonical]:
                self._spend(len(imported))
                imports = tuple(self._imported(each, name, tree, depth) for each in dict.fromkeys(imported))
                joints.append(Joint(imports, url or None, share))
            elif share is not None:
                shares.setdefault(url, []).append(share)
        return Side({url: _merged(some) for url, some in shares.items()}, tuple(joints))

    def _imported(self, canonical: str, name: str, tree: Tree, depth: int) -> Members:
        if not canonical.startswith("#"):
            return self.value_set(canonical, canonical, None, depth + 1)
        for one in tree.get("contained", ()):
            if one.get("resourceType") == VALUE_SET and one.get("id") == canonical[1:]:
                contained = {**one, "contained": tree["contained"]}
                return self.value_set(f"{name.partition('#')[0]}{canonical}", canonical, contained, depth + 1)
        return self._unknown(self._world.missing(VALUE_SET, canonical))

    def _spend(self, steps: int) -> None:
        self._world.budget.spend(steps)

    def _share(self, include: Tree, value_set: Tree, active_only: bool, selectable: bool) -> Share:
        """active_only: without the codes that are no longer in use. selectable: without abstract concepts, which nobody
        may choose; but what is enumerated is meant."""
        url, version, concepts = include["system"], include.get("version"), include.get("concept")
        codes = None if concepts is None else [one["code"] for one in concepts if one.get("code")]
        wanted = [_filter(one) for one in include.get("filter", ())]
        self._spend(len(codes or ()) + _FILTER * len(wanted))
        grammar = GRAMMARS.get(url)
        if grammar is not None:
            return self._by_grammar(url, grammar, codes, wanted)
        canonical = f"{url}|{version}" if version else url
        system = self._world.code_system(canonical, value_set)
        if system is not None and system.about.content not in _COMPLETE | _PARTIAL:
            system = None
        if self._trusting and (system is None or system.about.content == "example"):
            if wanted:
                raise self._world.missing(CODE_SYSTEM, canonical)
            system = None
        sure, possible, written = self._begun(system, codes, bool(wanted))
        why = "" if system is not None else str(self._world.missing(CODE_SYSTEM, canonical))
        if system is not None and system.about.content in _PARTIAL:
            why = f"only some codes of the code system {canonical} are known here"
        for one in wanted:
            certain, thinkable, problem = self._filtered(system, one)
            sure, possible, why = sure & certain, possible & thinkable, problem or why
        if system is not None:
            out = system.inactive if active_only else BitMap()
            if selectable and codes is None and not self._trusting:
                out = out | system.abstract
            if out:
                sure, possible = Extent(sure.members - out, sure.loose), Extent(possible.members - out, possible.loose)
        if self._trusting or sure == possible:
            possible = sure
        if system is not None and codes is None and (compose := COMPOSED.get(system.about.kind)):
            return Share(sure, Extent(sure.members, ALL), why, system, written, _composed(compose, system, wanted))
        return Share(sure, possible, why, system, written)

    def _begun(
        self, system: System | None, codes: Sequence[str] | None, is_filtered: bool
    ) -> tuple[Extent, Extent, Mapping[str, str] | None]:
        """What an include without its filters surely has and may have, and how codes are written that stand alone."""
        folds = system is not None and not system.about.case_sensitive
        if codes is None:
            here = BitMap() if system is None else system.all
            complete = system is not None and system.about.content in _COMPLETE
            trusted = self._trusting and not complete and not is_filtered
            sure = Extent(here, ALL if trusted else NONE)
            return sure, sure if complete else Extent(here, ALL), {} if folds else None
        members, loose = BitMap(), []
        for code in codes:
            ordinal = None if system is None else system.find(code)
            if ordinal is None:
                loose.append(code)
            else:
                members.add(ordinal)
        written = {code.casefold(): code for code in loose} if folds else None
        sure = Extent(members, Codes(frozenset(loose if written is None else written)))
        return sure, sure, written

    def _filtered(self, system: System | None, wanted: Filter) -> tuple[Extent, Extent, str]:
        """What surely meets a filter, what may, and why that is not the same."""
        if system is None:
            return _NOWHERE, _ANYWHERE, ""
        anything = Extent(system.all, ALL)
        self._spend(len(system) // 1_000)
        try:
            members = select(system, wanted, self._world.budget)
        except TooCostly:
            raise
        except FhirError as problem:
            if self._trusting:
                raise
            return _NOWHERE, anything, str(problem).rstrip(".")
        found = Extent(members, NONE)
        if system.about.content in _COMPLETE or self._trusting:
            return found, found, ""
        if wanted.op in _POSITIVE:
            return found, anything, ""
        if wanted.op == "is-not-a":
            return _NOWHERE, Extent(members, ALL), ""
        if wanted.property in _BY_OTHERS or wanted.op not in _OF_A_VALUE:
            return _NOWHERE, anything, ""
        return found, Extent(members, ALL), ""

    def _by_grammar(self, url: str, grammar: Grammar, codes: Sequence[str] | None, wanted: Sequence[Filter]) -> Share:
        written = {code.casefold(): code for code in codes or ()} if grammar.ignores_case else None
        listed = Extent(BitMap(), Codes(frozenset((codes or ()) if written is None else written)))
        if codes is not None and not wanted:
            return Share(listed, listed, "", None, written)
        try:
            verdicts = [grammar.verdict, *(grammar.having(one) for one in wanted)]
        except Unanswerable as problem:
            if self._trusting:
                raise
            unknown = Membership("unknown", f"of {url}: {problem}")
            verdicts = [grammar.verdict, lambda _: unknown]
        decided = _all_of(verdicts)
        beyond: Verdict = (lambda code: NO if decided(code) is NO else YES) if self._trusting else decided
        return Share(_NOWHERE, _ANYWHERE if codes is None else listed, "", None, written, beyond)


_NOWHERE: Final = Extent(BitMap(), NONE)
_ANYWHERE: Final = Extent(BitMap(), ALL)
_OF_A_VALUE: Final = frozenset({"=", "in", "not-in", "regex", "exists"})  # filters that look at the concept alone


def _filter(tree: Tree) -> Filter:
    return Filter(*(str(tree.get(name) or "") for name in ("property", "op", "value")))


def _expanded(expansion: Tree) -> dict[str, frozenset[str]]:
    """Codes by system; what is abstract is there for navigation only."""
    found: dict[str, set[str]] = {}
    ahead = list(expansion.get("contains", ()))
    while ahead:
        one = ahead.pop()
        if one.get("code") and not one.get("abstract"):
            found.setdefault(one.get("system", ""), set()).add(one["code"])
        ahead += one.get("contains", ())
    return {system: frozenset(codes) for system, codes in found.items()}


def _composed(compose: Callable[[System], System], system: System, wanted: Sequence[Filter]) -> Verdict:
    """Of a code that is put together of others: whether it is one, and meets the filters."""

    def verdict(code: str) -> Membership:
        whole = compose(system)
        ordinal = whole.find(code)
        if ordinal is None:
            return NO
        try:
            return YES if all(meets(whole, ordinal, one, Budget()) for one in wanted) else NO
        except FhirError as problem:
            return Membership("unknown", str(problem).rstrip("."))

    return verdict


def _all_of(verdicts: Sequence[Verdict]) -> Verdict:
    if len(verdicts) == 1:
        return verdicts[0]
    return lambda code: min(
        (one(code) for one in verdicts), key=lambda one: ("no", "unknown", "yes").index(one.verdict)
    )


def _merged(shares: list[Share]) -> tuple[Share, ...]:
    """Shares of one code system in as few as they can be: those that are decided in one, the same unknown ones once."""
    decided: dict[tuple[int, bool], list[Share]] = {}
    others: dict[object, Share] = {}
    for one in shares:
        if one.possible is one.sure and not one.sure.loose.but and one.beyond is None:
            decided.setdefault((id(one.system), one.written is not None), []).append(one)
        else:
            others.setdefault(_likeness(one), one)
    merged = [_union(some) if len(some) > 1 else some[0] for some in decided.values()]
    return (*merged, *others.values())


def _likeness(share: Share) -> object:
    extents = share.sure, share.possible
    same = share.beyond is None and not any(one.members or one.loose.codes for one in extents)
    return (share.why, share.sure.loose.but, share.possible.loose.but) if same else id(share)


def _union(shares: list[Share]) -> Share:
    first = shares[0]
    members = BitMap.union(*(one.sure.members for one in shares))
    extent = Extent(members, Codes(frozenset().union(*(one.sure.loose.codes for one in shares))))
    written: Mapping[str, str] | None = None
    if first.written is not None:
        written = {folded: code for one in shares for folded, code in (one.written or {}).items()}
    return Share(extent, extent, "", first.system, written)
