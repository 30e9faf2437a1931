"""Suites and sample data that others wrote: where they are, and which test uses each or what later work it waits for.

They are read from FHIR_SERVER_TEST_DATA, by default ../shared/data seen from the root of the repository, and are never
copied into it. A test that needs one carries @pytest.mark.suite("name").
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("FHIR_SERVER_TEST_DATA") or ROOT / "../shared/data").resolve()

IN_USE = {
    "fhirpath": "tests/unit/resources/fhirpath/test_official.py",
    "patch": "tests/unit/resources/patch/test_fhirpath_patch.py",
    "packages": "tests/unit/resources/validation/test_package_examples.py",
    "synthea": "tests/integration/test_synthea.py",
    "terminology": "tests/unit/terminology/grammars/test_ucum.py",
    "tx-ecosystem": "tests/integration/test_tx_ecosystem.py",
    "validator": "tests/unit/resources/validation/test_validator_suite.py",
}
WAITING = {
    "graphql": "$graphql",
    "hl7v2": "laboratory messages in HL7 v2",
    "sql-on-fhir": "ViewDefinitions",
    "testscripts": "the TestScript runner",
    "us-core-metadata": "searches and must-support elements of US Core",
}
