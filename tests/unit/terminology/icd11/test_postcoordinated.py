"""Clusters as codes of a code system."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyroaring import BitMap

from terminology.icd11.postcoordinated import Postcoordinated
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.loaders.icd11 import LOADER
from terminology.membership.evaluation import members_of
from terminology.membership.gathering import Gathering
from terminology.membership.members import Members
from terminology.scope import Candidate, Scope
from terminology.sources import candidate
from terminology.system import System

from ....releases.files import folder, records, released
from ....releases.icd11 import tabulation


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    archive = folder(tmp_path_factory.mktemp("mms"), {"SimpleTabulation-ICD-11-MMS-en.txt": tabulation()})
    (release,) = released(LOADER, archive)
    return Indexed(build(release.about, records(release)))


def found(system: System, code: str) -> int:
    ordinal = system.find(code)
    assert ordinal is not None
    return ordinal


def test_a_cluster_is_a_code_beyond_those_of_the_release(base: Indexed) -> None:
    system = Postcoordinated(base)
    first, second = found(system, "1Q00.0&XK1"), found(system, "1Q01/1Q00&XK2")
    assert (first, second) == (len(base), len(base) + 1)
    assert found(system, "1Q00.0&XK1") == first
    assert system.code(second) == "1Q01/1Q00&XK2"
    assert system.display(second) == "Stuck joint [Squeaking joint] [Right side]"
    assert [(one.name, one.value, one.group) for one in system.properties(second)] == [
        ("stem", "1Q01", 1),
        ("stem", "1Q00", 2),
        ("extension", "XK2", 2),
    ]
    assert not system.is_abstract(first)
    assert not system.is_inactive(first)
    assert (system.definition(first), system.designations(first), system.children(first)) == ("", (), ())
    assert len(system) == len(base)


def test_what_is_no_cluster_is_not_found_and_takes_no_ordinal(base: Indexed) -> None:
    system = Postcoordinated(base)
    assert system.find("1Q00&") is None
    assert system.find("XK1&1Q00") is None
    assert found(system, "1Q00&XK1") == len(base)


def test_an_object_knows_only_what_it_found(base: Indexed) -> None:
    """One is made for each request, so that nothing of one is seen by another."""
    one, other = Postcoordinated(base), Postcoordinated(base)
    assert found(one, "1Q00&XK1") == found(other, "1Q01&XK1") == len(base)
    assert one.code(len(base)) == "1Q00&XK1"


@pytest.mark.parametrize(
    ("above", "below", "answer"),
    [
        ("1Q00", "1Q00.0&XK1", True),
        ("1002", "1Q00.0&XK1", True),
        ("1Q00.0", "1Q00&XK1", False),
        ("1Q01", "1Q00/1Q01", True),
        ("1Q01", "1Q01&XK1", True),
        ("1Q01&XK1", "1Q01", False),
        ("1Q01&XE1", "1Q01&XE11", True),
        ("1Q01&XE11", "1Q01&XE1", False),
        ("1Q01&XK1", "1Q01&XK2&XK1", True),
        ("1Q00", "1Q01&XK1", False),
        ("1Q00/1Q01", "1Q01&XK1/1Q00.0", True),
        ("1Q01&XK1", "1Q01&XK1", True),
    ],
)
def test_subsumption(base: Indexed, above: str, below: str, answer: bool) -> None:
    system = Postcoordinated(base)
    assert system.subsumes(found(system, above), found(system, below)) is answer


def test_ancestors_of_clusters_are_those_of_their_stems(base: Indexed) -> None:
    system = Postcoordinated(base)
    ordinal = found(system, "1Q00.0&XK1/1Q01")
    stems = [found(system, "1Q00.0"), found(system, "1Q01")]
    wanted = {*stems, *base.ancestors(stems[0]), *base.ancestors(stems[1])}
    assert set(system.parents(ordinal)) == set(stems)
    assert set(system.ancestors(ordinal)) == wanted
    assert set(system.ancestors_of(BitMap([ordinal]))) == wanted
    assert not system.descendants(ordinal)
    for above in range(len(base)):
        assert system.subsumes(above, ordinal) is (above in wanted)


def test_all_else_is_that_of_the_release(base: Indexed) -> None:
    system = Postcoordinated(base)
    cluster = found(system, "1Q00&XK1")
    code = found(system, "1Q00")
    for name in ("code", "display", "definition", "status", "is_inactive", "is_abstract", "properties", "designations"):
        assert getattr(system, name)(code) == getattr(base, name)(code)
    assert system.all == base.all
    assert system.roots == base.roots
    assert system.leaves == base.leaves
    assert system.abstract == base.abstract
    assert system.descendants(code) == base.descendants(code)
    assert system.descendants_of(BitMap([code, cluster])) == base.descendants_of(BitMap([code]))
    assert system.having("classKind", "block") == base.having("classKind", "block")
    assert system.search("squeaking").ordinals == base.search("squeaking").ordinals
    assert system.search("squeaking", BitMap([code, cluster])).total == 1
    assert list(system.member_rows("none", cluster)) == []
    assert system.about is base.about
    assert not system.infinite


def test_clusters_are_members_of_value_sets(base: Indexed) -> None:
    """In an evaluation that is kept: each cluster is read when it is asked for, and its index is left alone."""
    url = base.about.url

    def members(*filters: dict[str, str]) -> Members:
        tree = {"url": "v", "compose": {"include": [{"system": url, "filter": list(filters)}]}}
        here = Candidate("CodeSystem", url, "", "active", None, lambda: base)
        source = SimpleNamespace(
            find=lambda kind, name: (here,) if name == url else (candidate(kind, tree, lambda: None),)
        )
        gathering = Gathering(Scope((source,), supplement=lambda system, _: system))
        gathering.gather(["v"])
        return members_of("v", gathering)

    whole, below = members(), members({"property": "concept", "op": "is-a", "value": "1Q00"})
    asked = ["1Q00.0&XK1", "1Q01/1Q00&XK2", "1Q00.0&XK", "1Q01"]
    assert [whole.of(url, one, {}).verdict for one in asked] == ["yes", "yes", "no", "yes"]
    assert [below.of(url, one, {}).verdict for one in asked] == ["yes", "yes", "no", "no"]
    assert whole.has_folded(url, "1q00.0&xk1")
