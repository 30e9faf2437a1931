"""Typed models for integrators: there when asked for, and never loaded by the server's own modules."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resources import definitions, models

ONLY_IN_R4 = (
    "EffectEvidenceSynthesis MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication "
    "MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured "
    "MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect RiskEvidenceSynthesis "
    "SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial "
    "SubstanceSpecification"
)


def test_a_model_builds_and_reads_a_resource() -> None:
    from resources.models import Patient

    patient = Patient(name=[{"family": "Weber"}])
    assert patient.model_dump()["resourceType"] == "Patient"
    assert Patient.model_validate_json('{"resourceType":"Patient","gender":"male"}').gender == "male"
    assert models.model("HumanName")(family="Weber").family == "Weber"


def test_128_types_have_a_model() -> None:
    absent = set()
    for resource_type in definitions.load().resource_types:
        try:
            assert models.model(resource_type).__name__ == resource_type
        except LookupError:
            absent.add(resource_type)
    assert absent == set(ONLY_IN_R4.split())


def test_no_other_name_is_a_model() -> None:
    with pytest.raises(LookupError):
        models.model("SubstanceProtein")
    with pytest.raises(ImportError):
        from resources.models import SubstanceProtein  # noqa: F401
    assert not hasattr(models, "nothing")


def test_nothing_is_imported_until_it_is_asked_for() -> None:
    program = (
        "import sys\n"
        "from resources import definitions, models\n"
        "from resources.validation.validator import Validator\n"
        "Validator(definitions.load()).check('Patient', {'resourceType': 'Patient'})\n"
        "sys.exit(any(name.startswith(('fhir.', 'pydantic')) for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
