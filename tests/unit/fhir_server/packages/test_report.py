"""What is said of a package: the parameters of an answer as they are defined, and lines for people."""

from __future__ import annotations

import orjson
import pytest

from fhir_server.operations.packages import DEFINITIONS
from fhir_server.packages.dependencies import Missing
from fhir_server.packages.parameters import Verdict
from fhir_server.packages.report import Judged, Remark, Report, lines, values
from resources.definitions import load
from resources.operation import answer, defined
from resources.validation.validator import Validator

WHOLE = Report(
    "a.b", "1.0.0", "preview", created=2, reindexed=3,
    missing=[Missing("c", "1.x", ("2.0.0",)), Missing("d", "1.0.0")],
    parameters=[Verdict("http://p", "p", ("Patient",), "indexed"), Verdict("http://q", "q", (), "unusable", "Why.")],
    remarks=[Remark("renamed", "ValueSet/x", "taken"), Remark("passed-over", "package/x.json")],
    judged=[Judged("http://x", "Patient", 1000, 200, 2, (("http://x#a at Patient.name", 2),), ("Patient/1",))],
)  # fmt: skip


@pytest.mark.parametrize("operation", ["package-install", "package-preview", "package-uninstall"])
def test_every_report_is_an_answer_as_defined(operation: str) -> None:
    known = load()
    tree = orjson.loads(answer(defined({"url": "", **DEFINITIONS[operation]}), known, values(WHOLE)))
    Validator(known).check("Parameters", tree)
    names = [one["name"] for one in tree["parameter"]]
    assert names.count("missing") == names.count("searchParameter") == names.count("resource") == 2
    [judged] = [one["part"] for one in tree["parameter"] if one["name"] == "validation"]
    assert {"name": "sample", "valueString": "Patient/1"} in judged


def test_lines_for_people() -> None:
    assert list(lines(WHOLE)) == [
        "a.b#1.0.0: preview; resources: 2 created",
        "missing: c#1.x is not installed; installed is 2.0.0",
        "missing: d#1.0.0 is not installed",
        "search parameters: 1 indexed",
        "search parameters: 1 unusable",
        "  indexed: Patient p (http://p)",
        "  unusable: q (http://q): Why.",
        "resources to be indexed: 3",
        "renamed: ValueSet/x (taken)",
        "passed-over: package/x.json",
        "http://x: 2 of 200 of 1,000 stored Patient would be invalid",
        "  2 × http://x#a at Patient.name",
        "  such as Patient/1",
    ]
