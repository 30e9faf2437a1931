"""The searches that are measured: pages of 20, by name, as clients send them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final
from urllib.parse import quote

from .population import CATEGORIES, FAMILIES, RECORDS, RESULTS, TESTS, UCUM, category, patients, unit

COUNT: Final = 20
_FREQUENT: Final = 8  # codes of which there is a full page at 20,000 resources, whatever else is asked for


class Values:
    """Values to search for; those with a size depend on how many resources there are."""

    def __init__(self, random: Random, size: int) -> None:
        self.number = random.randrange(_FREQUENT)
        self.code = f"{TESTS}|T-{self.number}"
        self.category = f"{CATEGORIES}|{category(self.number)}"
        self.gender = random.choice(("female", "male"))
        self.prefix = random.choice(FAMILIES)[:4]
        least = random.randrange(5, 12)
        self.amount = f"gt{least}.5|{UCUM}|{unit(self.number)}"
        patient = random.randrange(patients(size))
        self.patient = f"Patient/p{patient}"
        self.record = f"{RECORDS}|P-{patient:08}"
        self.result = f"{RESULTS}|R-{random.randrange(patients(size), size):08}"


# Name → the search for such values.
SHAPES: Final[dict[str, Callable[[Values], str]]] = {
    "identifier": lambda v: f"Observation?identifier={v.result}",
    "code, by date": lambda v: f"Observation?code={v.code}&_sort=-date",
    "patient + code + date": lambda v: f"Observation?patient={v.patient}&code={v.code}&date=ge2016&date=lt2024",
    "three tokens": lambda v: f"Observation?code={v.code}&category={v.category}&status=amended",
    "chain to one": lambda v: f"Observation?patient.identifier={v.record}",
    "chain to many": lambda v: f"Observation?code={v.code}&patient.gender={v.gender}",
    "`_has`": lambda v: f"Patient?_has:Observation:patient:code={v.code}&gender={v.gender}",
    "string prefix": lambda v: f"Patient?family={v.prefix}",
    "quantity": lambda v: f"Observation?value-quantity={v.amount}",
    "composite": lambda v: f"Observation?code-value-quantity={v.code}${v.amount}",
    "`_include`": lambda v: f"Observation?code={v.code}&_sort=-date&_include=Observation:patient",
}


def searches(name: str, size: int, many: int) -> list[str]:
    """So many searches of a shape, each for values of its own."""
    made = [SHAPES[name](Values(Random(f"{name} {n}"), size)) for n in range(many)]
    return [quote(f"{search}&_count={COUNT}", safe="/?&=:,$") for search in made]
