"""The interface: compile, nodes, values, truth, holds."""

from __future__ import annotations

from resources.fhirpath import Expression, Node, compile, root

from .asking import DEFINITIONS, PATIENT


def test_a_text_is_compiled_once() -> None:
    assert compile("name.given") is compile("name.given")
    long = "name.given" + " | name.given" * 50
    assert compile(long) is compile(long)
    assert isinstance(compile("name"), Expression)
    assert repr(compile("name")) == "<expression name>"


def test_nodes_values_and_items() -> None:
    nodes = compile("name.given | 1").nodes(DEFINITIONS, PATIENT)
    assert [node.type_name for node in nodes] == ["string"] * 4 + ["System.Integer"]
    assert compile("name.given | 1").values(DEFINITIONS, PATIENT) == ["Peter", "James", "Jim", 1]
    assert [type(one) for one in compile("id | 1").items(DEFINITIONS, PATIENT)] == [Node, int]


def test_only_true_holds() -> None:
    """https://hl7.org/fhir/R4/conformance-rules.html#constraints"""
    cases = {"active": True, "active.not()": False, "{}": None, "gender = 'x'": None, "name.exists()": True}
    for text, truth in cases.items():
        assert compile(text).truth(DEFINITIONS, PATIENT) is truth
        assert compile(text).holds(DEFINITIONS, PATIENT) is (truth is True)


def test_an_element_may_be_the_context() -> None:
    (name, _) = compile("name").nodes(DEFINITIONS, PATIENT)
    assert compile("given.first()").values(DEFINITIONS, name) == ["Peter"]
    assert compile("HumanName.use").nodes(DEFINITIONS, name)[0].path == "Patient.name[0].use"
    period = root(DEFINITIONS, {"start": "2020"}, "Period")
    assert compile("start").nodes(DEFINITIONS, period)[0].path == "Period.start"


def test_the_steps_of_many_evaluations_can_be_counted_together() -> None:
    spent: list[int] = []
    tree = {"resourceType": "Patient", "name": [{"text": "a"}] * 500}
    for _ in range(2):
        assert compile("name.descendants().count() > 0").truth(DEFINITIONS, tree, spend=spent.append)
    assert len(spent) == 2
    assert spent[0] == spent[1] > 500
    assert compile("active").truth(DEFINITIONS, {"resourceType": "Patient", "active": True}, spend=spent.append)
    assert len(spent) == 2  # what costs next to nothing is not counted
