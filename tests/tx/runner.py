"""Reads the HL7 terminology ecosystem tests and tells what a server's answers lack.

A test is asked as a client would: its resources go along as `tx-resource`, its bodies are R5's and are turned into R4's.
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/testing.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from resources import exact
from tests.suites import DATA

from .comparing import differences

Json = dict[str, Any]
ROOT: Final = DATA / "tx-ecosystem" / "tests"
GENERAL: Final = (None, "general")  # modes of the suites that are for every server
_PROPERTY: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.property"
_CONTAINED: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property"
URLS: Final = {  # operation of a test → how it is asked
    "expand": "ValueSet/$expand",
    "validate-code": "ValueSet/$validate-code",
    "cs-validate-code": "CodeSystem/$validate-code",
    "lookup": "CodeSystem/$lookup",
    "translate": "ConceptMap/$translate",
    "batch-validate": "ValueSet/$batch-validate-code",
    "compare": "ValueSet/$related",
    "metadata": "metadata",
    "term-caps": "metadata?mode=terminology",
}

STATEMENTS: Final = ("metadata", "term-caps")  # in which the least that is expected is looked for


@dataclass(frozen=True)
class Case:
    """One test."""

    suite: str
    name: str
    operation: str
    mode: str | None  # of its suite: who is asked to pass it
    setup: tuple[str, ...]  # files
    request: str
    responses: tuple[str, ...]  # files, any of which will do
    status: str  # "200", "4xx"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_general_suite(self) -> bool:
        """Whether it is in a suite for every server; three of these tests are marked as tx.fhir.org's."""
        return self.mode in GENERAL


def read(name: str) -> Json:
    """A file of the suites. Some begin with a byte order mark."""
    return exact.decode((ROOT / name).read_bytes().removeprefix(b"\xef\xbb\xbf"))


def cases() -> Iterator[Case]:
    """All tests, in their order."""
    suites = json.loads((ROOT / "test-cases.json").read_text("utf-8-sig"))["suites"]
    for suite in suites:
        for test in suite["tests"]:
            headers = {"accept-language": test["Accept-Language"]} if "Accept-Language" in test else {}
            if "header" in test:
                headers[test["header"]["name"].lower()] = test["header"]["value"]
            keys = ("response", "response2", "response:flat")
            yield Case(
                suite["name"],
                test["name"],
                test["operation"],
                suite.get("mode"),
                tuple(suite.get("setup", ())),
                test.get("request", ""),
                tuple(test[key] for key in keys if key in test),
                test.get("http-code", "200"),
                headers,
            )


@cache
def _setup(names: tuple[str, ...]) -> tuple[Json, ...]:
    return tuple(read(name) for name in names if (ROOT / name).exists())


def asked(case: Case) -> Json:
    """The Parameters that a test sends. A batch is sent as it stands, with the resources in front."""
    sent = read(case.request) if case.request else {"resourceType": "Parameters", "parameter": []}
    given = [*sent.get("parameter", ())]
    given += read("parameters-default.json")["parameter"]
    resources = [{"name": "tx-resource", "resource": one} for one in _setup(case.setup)]
    return {"resourceType": "Parameters", "parameter": [*given, *resources]}


def faults(case: Case, status: int, answer: Json) -> list[str]:
    """What an answer lacks; empty if the test is passed."""
    wrong = (
        []
        if case.status in (str(status), f"{status // 100}xx")
        else [f"status: expected {case.status}, found {status}"]
    )
    if not case.responses:
        return wrong
    found = as_r5(answer)
    least = case.operation in STATEMENTS
    tried = [differences(read(name), found, least=least) for name in case.responses if (ROOT / name).exists()]
    return wrong + min(tried, key=len, default=[f"no file {case.responses}"])


def as_r5(tree: Any) -> Any:
    """An answer of an R4 server in the form of R5, in which the tests are written."""
    if isinstance(tree, list):
        return [as_r5(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    tree = {name: as_r5(value) for name, value in tree.items()}
    properties = []
    others = []
    for one in tree.get("extension", ()):
        if isinstance(one, dict) and one.get("url") in (_PROPERTY, _CONTAINED):
            properties.append(_property(one.get("extension", ())))
        else:
            others.append(one)
    if properties:
        tree["property"] = properties
        if others:
            tree["extension"] = others
        else:
            del tree["extension"]
    return tree


def _property(parts: Any) -> Json:
    found: Json = {}
    for part in parts:
        key = next((name for name in part if name.startswith("value")), None)
        if part["url"] == "value" and key:
            found[key] = part[key]
        elif key:
            found[part["url"]] = part[key]
        else:
            found.setdefault(part["url"], []).append(_property(part["extension"]))
    return found


Asking = Callable[[Case], tuple[int, Json]]


def judged(asking: Asking, wanted: Callable[[Case], bool]) -> Iterator[tuple[Case, list[str]]]:
    """Each test that is wanted, with what its answer lacks."""
    for case in cases():
        if wanted(case):
            yield case, faults(case, *asking(case))
