"""A population of any size for the search benchmarks: patients and their observations, the same for the same size.

What a list of resources has in reality has it here: codes of which few are frequent, names that share beginnings, values
of several units, ten years of dates, some pairs of components, a narrative of some thirty words.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Any, Final

TESTS: Final = "http://lab.example.org/tests"
RESULTS: Final = "http://lab.example.org/results"
RECORDS: Final = "http://hospital.example.org/records"
CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
UCUM: Final = "http://unitsofmeasure.org"
UNITS: Final = ("mmol/L", "mg/dL", "g/L", "kg", "%")
CODES: Final = 300
_BEGINNINGS: Final = ("ka", "mo", "ri", "sen", "tal")
_MIDDLES: Final = ("be", "du", "la", "nor", "ti")
_ENDS: Final = ("berg", "dal", "ger", "hart", "lund", "man", "ner", "sohn", "ski", "ter")
FAMILIES: Final = [a + b + c for a in _BEGINNINGS for b in _MIDDLES for c in _ENDS]
GIVEN: Final = ("Ada", "Ben", "Cem", "Dora", "Eli", "Finn", "Gita", "Hugo", "Ida", "Jan", "Kim", "Lea", "Mia", "Noa")
WORDS: Final = [a + b for a in FAMILIES for b in ("", "ation", "ing", "ic", "ly", "ment", "ness", "ous")]

_FREQUENCIES: Final = list(accumulate(1 / (n + 1) for n in range(CODES)))
_WORD_FREQUENCIES: Final = list(accumulate(1 / (n + 1) for n in range(len(WORDS))))
_FIRST: Final = datetime(2015, 1, 1, tzinfo=UTC)
_SECONDS: Final = 10 * 365 * 86_400
_OBSERVATIONS: Final = 19  # for each patient


def patients(size: int) -> int:
    """How many of so many resources are patients."""
    return max(size // (_OBSERVATIONS + 1), 1)


def resources(size: int) -> Iterator[dict[str, Any]]:
    """So many resources with their ids: the patients, then the observations."""
    known = patients(size)
    for n in range(size):
        yield patient(n) if n < known else observation(n, known)


def unit(code: int) -> str:
    return UNITS[code % len(UNITS)]


def category(code: int) -> str:
    return "vital-signs" if code % 5 == 3 else "laboratory"


def patient(n: int) -> dict[str, Any]:
    random = Random(n)
    born = _FIRST - timedelta(days=random.randrange(36_500))
    family, given = random.choice(FAMILIES).capitalize(), random.sample(GIVEN, 2)
    return {
        "resourceType": "Patient",
        "id": f"p{n}",
        "text": _narrative(random, f"{' '.join(given)} {family}"),
        "identifier": [{"system": RECORDS, "value": f"P-{n:08}"}],
        "active": True,
        "name": [{"family": family, "given": given}],
        "telecom": [{"system": "phone", "value": f"+49 30 {random.randrange(10**8):08}"}],
        "gender": random.choice(("female", "male")),
        "birthDate": born.date().isoformat(),
        "address": [{"city": f"{random.choice(FAMILIES).capitalize()}stadt", "postalCode": f"{n % 90_000 + 10_000}"}],
        "managingOrganization": {"reference": f"Organization/o{n % 20}"},
    }


def observation(n: int, known: int) -> dict[str, Any]:
    random = Random(n)
    [code] = random.choices(range(CODES), cum_weights=_FREQUENCIES)
    moment = (_FIRST + timedelta(seconds=random.randrange(_SECONDS))).isoformat().replace("+00:00", "Z")
    value: dict[str, Any]
    if code % 10 == 7:
        value = {"component": [{"code": _coded(TESTS, f"T-{code}-{k}"), **_quantity(random, code)} for k in "ab"]}
    else:
        value = _quantity(random, code)
    return {
        "resourceType": "Observation",
        "id": f"o{n}",
        "text": _narrative(random, f"Test {code}"),
        "identifier": [{"system": RESULTS, "value": f"R-{n:08}"}],
        "status": random.choices(("final", "amended", "preliminary"), (90, 8, 2))[0],
        "category": [_coded(CATEGORIES, category(code))],
        "code": {**_coded(TESTS, f"T-{code}"), "text": f"Test {code}"},
        "subject": {"reference": f"Patient/p{random.randrange(known)}"},
        "encounter": {"reference": f"Encounter/e{n // 5}"},
        "effectiveDateTime": moment,
        "issued": moment,
        "performer": [{"reference": f"Practitioner/r{n % 50}", "display": "The laboratory"}],
        **value,
    }


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": f"What {code} stands for"}]}


def _quantity(random: Random, code: int) -> dict[str, Any]:
    value = Decimal(f"{random.lognormvariate(1.6, 0.7):.2f}")
    return {"valueQuantity": {"value": value, "unit": unit(code), "system": UCUM, "code": unit(code)}}


def _narrative(random: Random, title: str) -> dict[str, Any]:
    text = " ".join(random.choices(WORDS, cum_weights=_WORD_FREQUENCIES, k=30))
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><b>{title}</b> {text}</div>'}
