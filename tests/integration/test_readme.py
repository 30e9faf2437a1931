"""The README's walk-through, pasted line by line against a running server, does what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ..serving import COMMAND, serve

README = Path(__file__).parents[2] / "README.md"


def blocks(heading: str = "") -> list[str]:
    """The sh blocks of the page, or of one section of it."""
    text = README.read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0] if heading else text
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_first_two_blocks_are_the_two_commands() -> None:
    run_it, test_it, *_ = blocks()
    assert run_it.count("\n") == test_it.count("\n") == 1
    assert run_it.strip().endswith("fhir-server serve")
    assert "pytest" in test_it


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_walk_through(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as serving:
        origin = serving.base.removesuffix("/fhir/default")
        answers = []
        for block in blocks("A walk through"):
            text = block.replace("http://127.0.0.1:8000", origin)
            text = text.replace(".venv/bin/fhir-server", " ".join(COMMAND))
            text = text.replace("create branch-two", f"create branch-two --data-dir {serving.data_dir}")
            for command in re.split(r"\n(?=curl)", text.strip()):
                done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
                if command.startswith("curl"):
                    answers.append((done.stdout, json.loads(done.stdout)))
    texts, trees = zip(*answers, strict=True)
    assert [tree["resourceType"] for tree in trees] == [
        "Patient", "Observation", "MedicationRequest", "ServiceRequest", "Bundle", "Bundle", "Bundle", "Bundle",
        "Patient", "Parameters", "Bundle", "OperationOutcome", "Parameters", "ValueSet", "Parameters", "OperationOutcome", "Bundle",
    ]  # fmt: skip
    assert re.search(r'"value": ?6\.30\b', texts[1])
    by_code, by_identifier, history, transaction, patched, difference, everything, judged = trees[4:12]
    looked_up, expansion, comparable, not_found, counted = trees[12:]
    assert [entry["resource"]["resourceType"] for entry in by_code["entry"]] == ["Observation"]
    assert [entry["resource"]["id"] for entry in by_identifier["entry"]] == ["p1"]
    assert [entry["request"]["method"] for entry in history["entry"]] == ["PUT"]
    assert [entry["response"]["status"][:3] for entry in transaction["entry"]] == ["201", "201"]
    assert (patched["active"], patched["meta"]["versionId"]) == (True, "2")
    [added, *_] = difference["parameter"]
    assert {"name": "name", "valueString": "active"} in added["part"]
    assert {entry["resource"]["resourceType"] for entry in everything["entry"]} >= {
        "Patient",
        "Observation",
        "Condition",
    }
    assert [("did you mean" in issue["diagnostics"], issue["location"]) for issue in judged["issue"]] == [
        (True, ["line 2, column 40"]),
        (True, ["line 2, column 58"]),
    ]
    assert {"name": "display", "valueString": "ambulatory"} in looked_up["parameter"]
    assert expansion["expansion"]["total"] == 4
    assert {"name": "result", "valueBoolean": True} in comparable["parameter"]
    assert not_found["issue"][0]["code"] == "not-found"
    assert counted["total"] == 0
