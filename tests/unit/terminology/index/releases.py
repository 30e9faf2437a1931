"""Invented releases for property tests: small ones in which everything happens."""

from __future__ import annotations

from hypothesis import strategies as st

from terminology.records import Concept, Member, Parent, Property, Record, Term

CODES = [f"c{at}" for at in range(12)]
WORDS = (
    "Acute",
    "acid",
    "asthma",
    "Ästhetic",
    "b",
    "beta-blocker",
    "naïve",
    "Ärger",
    "x1",
    "10",
    "o'clock",
    "élan vital",
)
NAMES = ("site", "agent", "weight")

texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
codes = st.sampled_from(CODES)
names = st.sampled_from(NAMES)


def _parent(two: tuple[str, str]) -> Parent:
    """A parent comes before its child in CODES, so that there is no circle."""
    above, below = sorted(two, key=CODES.index)
    return Parent(below, above)


described = st.builds(
    Concept,
    codes,
    texts,
    definition=texts,
    inactive=st.booleans(),
    abstract=st.booleans(),
    status=st.sampled_from(("", "active", "retired")),
    extension=st.sampled_from(((), ({"url": "http://example.org/x", "valueInteger": 3},))),
)
others = st.one_of(
    st.tuples(codes, codes).filter(lambda two: two[0] != two[1]).map(_parent),
    st.builds(
        Term,
        codes,
        texts,
        st.sampled_from(("en", "de-CH", "")),
        st.sampled_from((("", "", ""), ("http://example.org/use", "syn", "Synonym"))),
        st.sampled_from(((), ("d1",))),
        inactive=st.booleans(),
        id=st.sampled_from(("", "17")),
        fields=st.sampled_from(({}, {"moduleId": "m"})),
    ),
    st.builds(Property, codes, names, codes, st.just("concept"), group=st.integers(0, 3)),
    st.builds(Property, codes, names, st.sampled_from(("1.50", "red", "")), st.sampled_from(("string", "decimal"))),
    st.builds(
        Member, st.sampled_from(("s1", "s2")), codes, st.sampled_from(({}, {"mapTarget": "A"}, {"mapTarget": "B"}))
    ),
)


@st.composite
def releases(draw: st.DrawFn) -> list[Record]:
    """Records in any order, of codes that are concepts mostly; some are defined twice."""
    records: list[Record] = [*draw(st.lists(described, max_size=14)), *draw(st.lists(others, max_size=50))]
    return draw(st.permutations(records))


some_codes = st.sets(codes)
_prefixes = ["a", "ac", "aci", "as", "ast", "BETA", "blo", "nai", "arg", "x", "1", "clock", "élan", "zz", "-"]
looked_for = st.lists(st.sampled_from(_prefixes), max_size=3).map(" ".join)
