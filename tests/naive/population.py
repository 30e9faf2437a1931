"""A small population of made-up resources, dense in what searches stumble over.

Every pool is small, so that ties, repeats, missing values, open periods, equal codes of different systems and equal ids
of different types come up all the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .animals import ANIMALS, KINDS, LOINC, animals, dogs
from .ranges import date_range

Tree = dict[str, Any]

LOCAL, OTHER, UCUM = "urn:local", "urn:other", "http://unitsofmeasure.org"
CODES = [
    (LOINC, "8480-6"),
    (LOINC, "8462-4"),
    (OTHER, "8480-6"),
    (None, "local"),
    (LOCAL, "local"),
    (LOCAL, "a,b$c|d"),
    (OTHER, "É"),
    (OTHER, "é"),
]
DATES = [
    "1985", "2019-12", "2020", "2020-02", "2020-02-29", "2020-02-29T10:00:00Z", "2020-02-29T23:30:00-05:00", "2020-03-01",
    "2020-03-01T04:30:00Z", "2020-03-01T04:30:00.500Z", "2020-03-01T04:30:00.5Z", "2021-01-01T00:00:00+14:00", "2021",
]  # fmt: skip
FAMILIES = ["Müller", "MULLER", "van der Berg", "O'Brien-Smith", "Ng", "Größe", "Carreno Quinones", "%", "山田"]
GIVEN = ["Anna", "ANNA", "Zoë", "José María", "Li"]
TEXTS = [
    "Größe",
    "grosse Menge",
    "O'Brien-Smith",
    "Grüße",
    "  two  words ",
    "Two Words, more",
    "x",
    "100%",
    "İzmir ﬁne",
    "e\u0301te\u0301",
]
AMOUNTS = [
    "5",
    "5.0",
    "5.4",
    "5.44",
    "0.0054",
    "5400",
    "-3",
    "0",
    "100",
    "99.5",
    "100.5",
    "1e2",
    "12345678901234567890.1",
]
UNITS = [(UCUM, "g", "g"), (UCUM, "mg", "mg"), (UCUM, "kg", "kg"), (UCUM, "[lb_av]", "lbs"), (UCUM, "mmol/L", "mmol/l"),
         (UCUM, "mm[Hg]", "mmHg"), (OTHER, "mg", "mg"), (None, "mg", None), (None, None, "mg"), (None, None, None)]  # fmt: skip
URLS = ["http://x/a", "http://x/a/b", "http://x/a/b/c", "http://x/ab", "urn:oid:1.2", "urn:oid:1.2.3", "http://X/a"]
TEXT_ONLY = {"extension": [{"url": "http://x/absent", "valueCode": "unknown"}]}


class Population:
    """Resources drawn from the pools by one source of chance."""

    def __init__(self, chance: random.Random, base_url: str, size: int = 14) -> None:
        self.chance = chance
        self.base_url = base_url
        self.size = size  # ids per type: "0" … with gaps, so that some references lead nowhere

    def resources(self) -> list[Tree]:
        makers: list[tuple[int, Callable[[str], Tree]]] = [
            (2, self.patient), (4, self.observation), (1, self.encounter), (1, self.medication_request),
            (1, self.location), (1, self.value_set), (1, self.risk_assessment), (1, self.molecular_sequence),
            (1, self.document_reference), (1, self.condition), (1, self.charge_item), (1, self.practitioner),
            (1, self.organization), (1, self.audit_event), (1, self.list), (1, self.bundle), (1, self.group),
        ]  # fmt: skip
        found = [make(str(n)) for times, make in makers for n in range(times * self.size) if n % 7 != 6]
        return [*found, animals(), dogs()]

    # --- pieces

    def some(self, probability: float = 0.6) -> bool:
        return self.chance.random() < probability

    def one(self, pool: list[Any]) -> Any:
        return self.chance.choice(pool)

    def several(self, make: Callable[[], Any], most: int = 2) -> list[Any]:
        return [make() for _ in range(self.chance.randint(1, most))]

    def coding(self) -> Tree:
        system, code = self.one([*CODES, (ANIMALS, self.one(KINDS))])
        found = {"system": system, "code": code, "display": self.one([None, None, *TEXTS])}
        return {name: value for name, value in found.items() if value}

    def concept(self) -> Tree:
        if self.some(0.05):
            return dict(TEXT_ONLY)
        found: Tree = {}
        if self.some(0.9):
            found["coding"] = self.several(self.coding)
        if self.some(0.4):
            found["text"] = self.one(TEXTS)
        return found or {"text": "x"}

    def identifier(self) -> Tree:
        found = {"system": self.one([None, "urn:i", "urn:j"]), "value": self.one([None, "1", "2", "A1", "a1"])}
        tree: Tree = {name: value for name, value in found.items() if value}
        if self.some(0.4):
            tree["type"] = {"coding": [{"system": "urn:t", "code": self.one(["MR", "SS"])}], "text": self.one(TEXTS)}
        return tree or {"use": "usual"}

    def reference(self, *types: str) -> Tree:
        if self.some(0.06):
            lost = {"reference": self.one(["#3", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"])}
            return dict(self.one([{"display": "someone"}, {"identifier": self.identifier()}, TEXT_ONLY, lost]))
        target = f"{self.one(list(types))}/{self.chance.randrange(self.size)}"
        text = self.one(
            [target] * 8 + [f"{self.base_url}/{target}", f"http://other/fhir/{target}", f"{target}/_history/1"]
        )
        tree: Tree = {"reference": text}
        if self.some(0.15):
            tree["identifier"] = self.identifier()
        return tree

    def date(self) -> str:
        return str(self.one(DATES))

    def instant(self) -> str:
        return str(self.one([text for text in DATES if "T" in text]))

    def period(self) -> Tree:
        first, last = sorted(self.chance.sample(DATES, 2), key=date_range)
        return dict(
            self.one([{"start": first, "end": last}, {"start": first}, {"end": last}, {"start": first, "end": first}])
        )

    def timing(self) -> Tree:
        found: Tree = {}
        if self.some():
            found["event"] = self.several(self.date, 3)
        if self.some():
            found["repeat"] = self.one(
                [{"boundsPeriod": self.period()}, {"boundsDuration": {"value": 3}}, {"count": 2}]
            )
        return found

    def number(self) -> Decimal:
        return Decimal(self.one(AMOUNTS))

    def quantity(self) -> Tree:
        system, code, unit = self.one(UNITS)
        found = {"system": system, "code": code, "unit": unit, "value": self.number() if self.some(0.95) else None}
        if self.some(0.2):
            found["comparator"] = self.one(["<", "<=", ">", ">="])
        return {name: value for name, value in found.items() if value is not None}

    def range(self) -> Tree:
        system, code, unit = self.one(UNITS)
        unit_ = {name: value for name, value in (("system", system), ("code", code), ("unit", unit)) if value}
        low, high = sorted([self.number(), self.number()])
        ends = self.one([("low", "high"), ("low",), ("high",)])
        return {end: {"value": low if end == "low" else high, **unit_} for end in ends}

    def use_context(self) -> Tree:
        value = self.one(["valueCodeableConcept", "valueQuantity", "valueRange"])
        make = {"valueCodeableConcept": self.concept, "valueQuantity": self.quantity, "valueRange": self.range}[value]
        return {"code": self.coding(), value: make()}

    def name(self) -> Tree:
        found: Tree = {}
        if self.some(0.8):
            found["family"] = self.one(FAMILIES)
        if self.some(0.8):
            found["given"] = self.several(lambda: self.one(GIVEN))
        if self.some(0.2):
            found["text"] = self.one(TEXTS)
        return found or self.one([{"use": "official"}, dict(TEXT_ONLY)])

    def address(self) -> Tree:
        found: Tree = {"use": self.one(["home", "work"]), "city": self.one(["Ulm", "Neu Ulm", "São Paulo"])}
        if self.some():
            found["line"] = [self.one(["1 Main Street", "Hauptstraße 2"]), self.one(["Flat 2", "c/o X"])]
        if self.some():
            found["state"] = self.one(["BW", "MN"])
        return found

    def contact_point(self) -> Tree:
        return {"system": self.one(["phone", "email"]), "value": self.one(["+1 (555)", "a@b.c", "A@B.C"])}

    def resource(self, resource_type: str, logical_id: str, **elements: Any) -> Tree:
        tree: Tree = {"resourceType": resource_type, "id": logical_id}
        if self.some(0.3):
            tree["meta"] = {"tag": self.several(self.coding), "profile": [self.one(URLS), self.one(URLS) + "|1"]}
            if self.some():
                tree["meta"]["source"] = self.one(URLS)
        return tree | {name: value for name, value in elements.items() if value is not None}

    def maybe(self, make: Callable[[], Any], probability: float = 0.6) -> Any:
        return make() if self.some(probability) else None

    def choice(self, **makers: Callable[[], Any]) -> Tree:
        """One of the types of a choice element, or none."""
        name = self.one([*makers, None])
        return {name: makers[name]()} if name else {}

    # --- resources

    def patient(self, logical_id: str) -> Tree:
        tree = self.resource(
            "Patient", logical_id,
            identifier=self.maybe(lambda: self.several(self.identifier)),
            name=self.maybe(lambda: self.several(self.name), 0.9),
            birthDate=self.maybe(lambda: self.one(DATES[:5])),
            address=self.maybe(lambda: self.several(self.address)),
            telecom=self.maybe(lambda: self.several(self.contact_point)),
            generalPractitioner=self.maybe(lambda: self.several(lambda: self.reference("Practitioner", "Organization"))),
            managingOrganization=self.maybe(lambda: self.reference("Organization")),
            **self.choice(deceasedBoolean=lambda: self.some(), deceasedDateTime=self.date),
        )  # fmt: skip
        active: Tree = self.one([{"active": True}, {"active": False}, {}])
        tree |= self.one(
            [{"gender": "male"}, {"gender": "female"}, {"gender": "other"}, {"_gender": dict(TEXT_ONLY)}, {}]
        )
        return tree | active

    def practitioner(self, logical_id: str) -> Tree:
        return self.resource(
            "Practitioner", logical_id, name=self.several(self.name), address=self.maybe(lambda: [self.address()])
        )

    def organization(self, logical_id: str) -> Tree:
        return self.resource(
            "Organization", logical_id,
            name=self.maybe(lambda: self.one(TEXTS)), alias=self.maybe(lambda: self.several(lambda: self.one(TEXTS))),
            type=self.maybe(lambda: self.several(self.concept)), partOf=self.maybe(lambda: self.reference("Organization")),
        )  # fmt: skip

    def group(self, logical_id: str) -> Tree:
        return self.resource(
            "Group", logical_id, type="person", actual=True, code=self.maybe(self.concept),
            characteristic=self.maybe(lambda: self.several(lambda: {
                "code": self.concept(), "exclude": self.some(),
                **self.choice(valueCodeableConcept=self.concept, valueBoolean=self.some),
            })),
        )  # fmt: skip

    def location(self, logical_id: str) -> Tree:
        latitude, longitude = (
            self.one(["48.40", "48.41", "-48.4", "89.99"]),
            self.one(["9.99", "10", "179.99", "-179.99"]),
        )
        near = {"latitude": Decimal(latitude), "longitude": Decimal(longitude)}
        return self.resource(
            "Location", logical_id, status=self.one(["active", "inactive"]), name=self.maybe(lambda: self.one(TEXTS)),
            position=self.maybe(lambda: near), partOf=self.maybe(lambda: self.reference("Location")),
            managingOrganization=self.maybe(lambda: self.reference("Organization")),
        )  # fmt: skip

    def encounter(self, logical_id: str) -> Tree:
        return self.resource(
            "Encounter", logical_id, status=self.one(["planned", "finished"]), period=self.maybe(self.period),
            type=self.maybe(lambda: self.several(self.concept)), subject=self.maybe(lambda: self.reference("Patient", "Group")),
            location=self.maybe(lambda: self.several(lambda: {"location": self.reference("Location"), "period": self.period()})),
            length=self.maybe(self.quantity), serviceProvider=self.maybe(lambda: self.reference("Organization")),
            **{"class": self.coding()},
        )  # fmt: skip

    def value(self) -> Tree:
        return self.choice(
            valueQuantity=self.quantity, valueCodeableConcept=self.concept, valueString=lambda: self.one(TEXTS),
            valueDateTime=self.date, valuePeriod=self.period,
            valueSampledData=lambda: {"origin": {"value": 0}, "lowerLimit": self.number()},
        )  # fmt: skip

    def observation(self, logical_id: str) -> Tree:
        return self.resource(
            "Observation", logical_id, status=self.one(["final", "amended", "registered"]), code=self.concept(),
            category=self.maybe(lambda: self.several(self.concept)),
            subject=self.maybe(lambda: self.reference("Patient", "Patient", "Group", "Location"), 0.8),
            encounter=self.maybe(lambda: self.reference("Encounter")),
            performer=self.maybe(lambda: self.several(lambda: self.reference("Practitioner", "Organization", "Patient"))),
            hasMember=self.maybe(lambda: [self.reference("Observation")], 0.2),
            component=self.maybe(lambda: self.several(lambda: {"code": self.concept(), **self.value()}, 3), 0.5),
            **self.choice(effectiveDateTime=self.date, effectivePeriod=self.period, effectiveInstant=self.instant,
                          effectiveTiming=self.timing),
            **self.value(),
        )  # fmt: skip

    def medication_request(self, logical_id: str) -> Tree:
        inside = {"resourceType": "Medication", "id": "m", "code": self.concept(), "status": "active"}
        medication: Tree = self.one([
            {"medicationCodeableConcept": self.concept()}, {"medicationReference": {"reference": "#m"}, "contained": [inside]},
            {"medicationReference": {"reference": "Medication/0"}},
        ])  # fmt: skip
        return medication | self.resource(
            "MedicationRequest", logical_id, status=self.one(["active", "stopped"]), intent="order",
            subject=self.reference("Patient", "Group"), authoredOn=self.maybe(self.date),
            dosageInstruction=self.maybe(lambda: self.several(lambda: {"timing": self.timing()})),
        )  # fmt: skip

    def value_set(self, logical_id: str) -> Tree:
        return self.resource(
            "ValueSet", logical_id, status=self.one(["draft", "active"]), url=self.maybe(lambda: self.one(URLS), 0.9),
            version=self.maybe(lambda: self.one(["1", "1.1"]), 0.9), name=self.maybe(lambda: self.one(TEXTS)),
            date=self.maybe(self.date), useContext=self.maybe(lambda: self.several(self.use_context, 3)),
        )  # fmt: skip

    def risk_assessment(self, logical_id: str) -> Tree:
        prediction: Callable[[], Tree] = lambda: self.choice(  # noqa: E731
            probabilityDecimal=self.number, probabilityRange=self.range
        )
        return self.resource(
            "RiskAssessment", logical_id, status="final", subject=self.reference("Patient", "Group"),
            prediction=self.several(prediction), method=self.maybe(self.concept),
            **self.choice(occurrenceDateTime=self.date, occurrencePeriod=self.period),
        )  # fmt: skip

    def molecular_sequence(self, logical_id: str) -> Tree:
        count: Callable[[], int] = lambda: self.chance.randrange(5) * 50  # noqa: E731
        return self.resource(
            "MolecularSequence", logical_id, coordinateSystem=0, type="dna",
            variant=self.maybe(lambda: self.several(lambda: {"start": count(), "end": count()}, 3), 0.8),
            referenceSeq=self.maybe(lambda: {"chromosome": self.concept(), "referenceSeqId": self.concept(),
                                             "windowStart": count(), "windowEnd": count()}, 0.8),
        )  # fmt: skip

    def document_reference(self, logical_id: str) -> Tree:
        relation: Callable[[], Tree] = lambda: {  # noqa: E731
            "code": self.one(["replaces", "appends"]),
            "target": self.reference("DocumentReference"),
        }
        types = ["text/xml", "text/xml; charset=UTF-8", "application/pdf"]
        return self.resource(
            "DocumentReference", logical_id, status="current", type=self.maybe(self.concept), date=self.maybe(self.instant),
            relatesTo=self.maybe(lambda: self.several(relation, 3)), subject=self.maybe(lambda: self.reference("Patient")),
            content=[{"attachment": {"contentType": self.one(types)}}],
        )  # fmt: skip

    def condition(self, logical_id: str) -> Tree:
        return self.resource(
            "Condition", logical_id, subject=self.reference("Patient", "Group"), code=self.maybe(self.concept),
            **self.choice(onsetDateTime=self.date, onsetPeriod=self.period, onsetAge=self.quantity, onsetRange=self.range,
                          onsetString=lambda: self.one(TEXTS)),
            **self.choice(abatementDateTime=self.date, abatementPeriod=self.period, abatementString=lambda: "x"),
        )  # fmt: skip

    def charge_item(self, logical_id: str) -> Tree:
        money: Callable[[], Tree] = lambda: {"value": self.number(), "currency": self.one(["EUR", "USD"])}  # noqa: E731
        return self.resource(
            "ChargeItem", logical_id, status="billable", code=self.concept(), subject=self.reference("Patient", "Group"),
            factorOverride=self.maybe(self.number), priceOverride=self.maybe(money), quantity=self.maybe(self.quantity),
            **self.choice(occurrenceDateTime=self.date, occurrencePeriod=self.period, occurrenceTiming=self.timing),
        )  # fmt: skip

    def audit_event(self, logical_id: str) -> Tree:
        return self.resource(
            "AuditEvent", logical_id, type=self.coding(), recorded=self.instant(), outcome=self.one(["0", "4"]),
            agent=self.several(lambda: {"who": self.reference("Practitioner", "Patient"), "name": self.one(TEXTS)}),
            entity=self.several(lambda: {"what": self.reference("Observation", "Patient", "Encounter")}),
        )  # fmt: skip

    def list(self, logical_id: str) -> Tree:
        entry: Callable[[], Tree] = lambda: {  # noqa: E731
            "item": self.reference("Patient", "Observation", "Location"),
            "deleted": self.some(0.3),
        }
        return self.resource("List", logical_id, status="current", mode="working", entry=self.several(entry, 8))

    def bundle(self, logical_id: str) -> Tree:
        first = self.resource(
            "Composition", f"c{logical_id}", status="final", type=self.concept(), title="x", date=self.date()
        )
        return self.resource(
            "Bundle", logical_id, type="document", timestamp=self.maybe(self.instant), entry=[{"resource": first}]
        )
