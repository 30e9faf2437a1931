"""Sections about concepts are small where releases repeat themselves."""

from __future__ import annotations

from terminology.index import contents
from terminology.index.container import Container, pack
from terminology.index.gathering import Gathered, Ordered
from terminology.records import Concept, Property, Record, Term


def made(records: list[Record]) -> Ordered:
    gathered = Gathered()
    gathered.add(records)
    return Ordered(gathered, case_sensitive=True)


def test_what_terms_have_in_common_is_kept_once() -> None:
    records: list[Record] = [Concept(str(at)) for at in range(50)]
    records += [Term(str(at), f"Term {at}", "en", fields={"moduleId": str(at % 2)}) for at in range(50)]
    read = Container(pack("x", b"", contents.terms(made(records))))
    assert len(read.texts("shapes")) == 2
    assert [*read.texts("terms")] == [f"Term {at}" for at in range(50)]


def test_values_of_properties_are_kept_once() -> None:
    records: list[Record] = [Concept(str(at)) for at in range(50)]
    records += [Property(str(at), "kind", "red" if at % 2 else "blue", group=at) for at in range(50)]
    read = Container(pack("x", b"", contents.properties(made(records))))
    assert ([*read.texts("keys")], [*read.texts("names")], len(read.texts("values"))) == (["blue", "red"], ["kind"], 2)
    assert read.array("properties.group", "I").tolist() == [*range(50)]


def test_texts_of_a_concept_are_its_display_and_what_designates_it_today() -> None:
    records: list[Record] = [Concept("a", "A"), Concept("b"), Concept("c")]
    records += [Term("a", "Alpha"), Term("a", "Old", inactive=True), Term("c", "Gamma")]
    found = [[*some] for some in contents.texts_of(made(records), [2, 1, 0])]
    assert found == [["Gamma"], ["b"], ["A", "Alpha"]]
