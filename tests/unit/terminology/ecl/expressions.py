"""Random expressions over some codes."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from hypothesis import strategies as st

from terminology.ecl import syntax as s


class Vocabulary(NamedTuple):
    """What expressions speak of."""

    codes: st.SearchStrategy[str]
    attributes: st.SearchStrategy[str]
    concrete: st.SearchStrategy[str]
    sets: st.SearchStrategy[str]
    fields: tuple[str, ...]  # of reference sets: text, number, flag, concept
    words: st.SearchStrategy[str]
    languages: st.SearchStrategy[str]
    dialects: st.SearchStrategy[str]
    identifiers: st.SearchStrategy[s.AlternateIdentifier]
    terms: st.SearchStrategy[str]  # in pipes
    several: bool  # whether to select several fields, and acceptabilities by any concept


EQUAL = st.sampled_from(("=", "!="))
ORDER = st.sampled_from(("=", "!=", "<", "<=", ">", ">="))
DATES = st.sampled_from(("20200131", "20200601", "20210731", "20240131"))
NUMBERS = st.sampled_from(("0", "5", "+5", "2.5", "2.50", "10", "-3", "7.25", "2"))


T = TypeVar("T")


def opaque(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The same strategy with a short repr: those of nested ones grow beyond measure."""
    return st.just(None).flatmap(lambda _: strategy)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


def many(strategy: st.SearchStrategy[object], least: int = 1, most: int = 3) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def cardinalities() -> st.SearchStrategy[s.Cardinality | None]:
    some = st.sampled_from([(0, 0), (0, 1), (0, None), (1, 1), (1, None), (1, 2), (2, None), (2, 3), (0, 2), (3, 3)])
    return st.none() | some.map(lambda pair: s.Cardinality(*pair))


def expressions(of: Vocabulary) -> st.SearchStrategy[s.Expression]:
    concepts = st.builds(s.Concept, of.codes, of.terms)
    named = st.builds(s.SubExpression, concepts)

    def extended(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Expression]:
        inner = opaque(inner)
        subs = opaque(sub_expressions(of, inner))
        parts = opaque(attributes(of, subs) | groups(of, subs))
        refinements = opaque(st.recursive(parts, lambda some: junctions(opaque(some)), max_leaves=4))
        compound = st.builds(s.Compound, st.sampled_from(("AND", "OR")), many(subs, 2)) | st.builds(
            s.Compound, st.just("MINUS"), many(subs, 2, 2)
        )
        names = st.builds(s.SubExpression, of.attributes.map(s.Concept)) | subs
        dotted = st.builds(s.Dotted, subs, many(names, 1, 2))
        return opaque(subs | compound | dotted | st.builds(s.Refined, subs, refinements))

    return st.recursive(named | st.just(s.SubExpression(s.Wildcard())), extended, max_leaves=5)


def sub_expressions(of: Vocabulary, inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.SubExpression]:
    concepts = st.builds(s.Concept, of.codes, of.terms)
    focus = concepts | st.just(s.Wildcard()) | of.identifiers | inner
    operators = st.just("") | st.sampled_from(s.OPERATORS)
    filters = many(concept_filters(of, inner) | description_filters(of, inner), 0, 2)
    plain = st.builds(s.SubExpression, focus, operators, st.none(), filters, maybe(histories(of, inner)))
    fields = st.just(()) | st.sampled_from([(), *((one,) for one in (*of.fields[3:], "referencedComponentId"))])
    if of.several:
        fields = fields | st.just(("*",)) | st.just(of.fields[:2])
    members = many(member_filters(of, inner), 0, 2)
    sets = st.builds(s.Concept, of.sets) | st.just(s.Wildcard())
    return plain | st.builds(
        lambda focus, operator, fields, members, filters: s.SubExpression(
            focus, operator, s.MemberOf(fields), (*members, *filters)
        ),
        sets, operators, fields, members, filters,
    )  # fmt: skip


def histories(of: Vocabulary, inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.History]:
    profiles = st.sampled_from([s.History(one) for one in ("", "MIN", "MOD", "MAX")])
    return profiles | st.builds(
        s.History, st.just(""), st.builds(s.SubExpression, st.builds(s.Concept, of.sets)) | inner
    )


def texts(of: Vocabulary) -> st.SearchStrategy[s.Terms]:
    match = st.builds(
        lambda words, kind: s.SearchTerm(" ".join(words), kind), many(of.words), st.sampled_from(("", "match"))
    )
    escaped = of.words.map(lambda word: word.replace("*", "\\*"))
    wild = st.builds(
        lambda parts: s.SearchTerm("".join(parts), "wild"), many(escaped | st.just("*") | st.just(" "), 1, 4)
    )
    return opaque(st.builds(s.Terms, many(match | wild, 1, 2)))


def chosen(of: Vocabulary, inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[object]:
    """An expression or several concepts."""
    return opaque(
        st.builds(s.SubExpression, st.builds(s.Concept, of.codes) | inner)
        | st.builds(s.Concepts, many(st.builds(s.Concept, of.codes, of.terms), 2))
    )


def kind_of(kind: str, some: list[st.SearchStrategy[s.Filter]]) -> st.SearchStrategy[s.Filters]:
    return opaque(st.builds(s.Filters, st.just(kind), many(st.one_of(some), 1, 2)))


def dated() -> st.SearchStrategy[s.Filter]:
    return st.builds(s.Filter, st.just("effectiveTime"), ORDER, st.builds(s.Times, many(DATES | st.just(""))))


def active() -> st.SearchStrategy[s.Filter]:
    return st.builds(s.Filter, st.just("active"), EQUAL, st.builds(s.Truth, st.booleans()))


def one(keyword: str, value: st.SearchStrategy[object]) -> st.SearchStrategy[s.Filter]:
    return st.builds(s.Filter, st.just(keyword), EQUAL, value)


def concept_filters(of: Vocabulary, inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Filters]:
    statuses = st.builds(s.Words, many(st.sampled_from(("primitive", "defined")), 1, 2))
    ids = chosen(of, inner)
    return kind_of(
        "C",
        [dated(), active(), one("definitionStatus", statuses), one("definitionStatusId", ids), one("moduleId", ids)],
    )


def description_filters(of: Vocabulary, inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Filters]:
    ids = chosen(of, inner)
    words = st.builds(s.Acceptability, many(st.sampled_from(("accept", "prefer")), 1, 2))
    by_concept = st.builds(lambda some: s.Acceptability(concepts=some), many(st.builds(s.Concept, of.codes)))
    acceptabilities = maybe(words | by_concept if of.several else words)
    aliases = st.builds(
        s.Dialects, many(st.builds(s.Dialect, of.dialects, acceptabilities)), acceptabilities
    ) | st.builds(lambda alias, ways: s.Dialects((s.Dialect(alias),), ways, False), of.dialects, acceptabilities)
    concepts = st.builds(s.Concept, of.codes)
    by_id = st.builds(
        s.Dialects, many(st.builds(s.Dialect, concepts, acceptabilities), 2), acceptabilities
    ) | st.builds(s.DialectConcepts, st.builds(s.SubExpression, concepts | inner), acceptabilities)
    return kind_of(
        "D",
        [
            one("term", texts(of)),
            one("language", st.builds(s.Words, many(of.languages, 1, 2))),
            one("type", st.builds(s.Words, many(st.sampled_from(("fsn", "syn", "def")), 1, 2))),
            one("typeId", ids),
            one("moduleId", ids),
            one("dialect", aliases),
            one("dialectId", by_id),
            one("id", st.builds(s.Words, many(of.codes.map(lambda code: f"{code[:16]}1"), 1, 2))),
            dated(),
            active(),
        ],
    )


def member_filters(of: Vocabulary, inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Filters]:
    text, number, flag, concept = of.fields
    numbers = st.builds(s.Number, NUMBERS)
    subs = st.builds(s.SubExpression, st.builds(s.Concept, of.codes) | inner)
    return kind_of(
        "M",
        [
            one(text, unlike_identifiers(texts(of))),
            st.builds(s.Filter, st.just(number), ORDER, numbers),
            one(flag, st.builds(s.Truth, st.booleans())),
            one(concept, subs),
            one("referencedComponentId", subs),
            one("moduleId", chosen(of, inner)),
            dated(),
            active(),
        ],
    )


def unlike_identifiers(some: st.SearchStrategy[s.Terms]) -> st.SearchStrategy[s.Terms]:
    """Texts without `A#b` alone, which names a concept."""
    return some.filter(lambda terms: "#" not in terms.any_of[0].text)


def attributes(of: Vocabulary, subs: st.SearchStrategy[s.SubExpression]) -> st.SearchStrategy[s.Attribute]:
    plain = st.builds(s.SubExpression, of.attributes.map(s.Concept))
    names = plain | st.builds(s.SubExpression, of.attributes.map(s.Concept), st.sampled_from(("<<", "<", ">>"))) | subs
    concrete = st.builds(s.SubExpression, of.concrete.map(s.Concept)) | st.just(s.SubExpression(s.Wildcard()))
    bounds = cardinalities()
    values = st.just(s.SubExpression(s.Wildcard())) | subs
    return (
        st.builds(s.Attribute, names, EQUAL, values, bounds, st.booleans())
        | st.builds(s.Attribute, concrete, ORDER, st.builds(s.Number, NUMBERS), bounds)
        | st.builds(s.Attribute, concrete, EQUAL, unlike_identifiers(texts(of)), bounds)
        | st.builds(s.Attribute, concrete, EQUAL, st.builds(s.Truth, st.booleans()), bounds)
    )


def groups(of: Vocabulary, subs: st.SearchStrategy[s.SubExpression]) -> st.SearchStrategy[s.Group]:
    single = attributes(of, subs)
    inside = opaque(st.recursive(opaque(single), lambda some: junctions(opaque(some)), max_leaves=3))
    return st.builds(s.Group, inside, cardinalities())


def junctions(some: st.SearchStrategy[object]) -> st.SearchStrategy[s.Junction]:
    return st.builds(s.Junction, st.sampled_from(("AND", "OR")), many(some, 2))
