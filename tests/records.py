"""Records of patients as an oracle keeps them: every version that was written, and whose it is by its own content."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx

Tree = dict[str, Any]
Identity = tuple[str, str, str]  # type, id, version id

# What puts a resource into the compartment of a patient, as far as the resources here go.
RULES = {
    "Observation": ("subject", "performer"),
    "Condition": ("subject", "asserter"),
    "Encounter": ("subject",),
    "Coverage": ("beneficiary", "payor"),
}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[name] for name in ("reference", "url") if isinstance(value.get(name), str))
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def owners(tree: Tree) -> set[str]:
    """The patients in whose compartments it is."""
    if tree["resourceType"] == "Patient":
        return {tree["id"]}
    pointing = [tree[name] for name in RULES.get(tree["resourceType"], ()) if name in tree]
    return {one.removeprefix("Patient/") for one in references(pointing) if one.startswith("Patient/")}


def care(tree: Tree) -> tuple[str, str] | None:
    """First and last day; all dates here are whole days."""
    period = tree.get("period") or {}
    one = tree.get("effectiveDateTime") or tree.get("onsetDateTime")
    if one:
        return one, one
    return (period.get("start", "0000"), period.get("end", "9999")) if period else None


class World:
    """What was written, version by version, as the answers to the writes said."""

    def __init__(self, http: httpx.AsyncClient, seed: int) -> None:
        self.http, self.chance = http, random.Random(seed)
        self.versions: list[tuple[datetime, str, str, Tree | None]] = []
        self.made = 0

    async def put(self, tree: Tree) -> None:
        answer = await self.http.put(f"/{tree['resourceType']}/{tree['id']}", json=tree)
        assert answer.status_code in (200, 201), answer.text
        stored = answer.json()
        at = datetime.fromisoformat(stored["meta"]["lastUpdated"])
        self.versions.append((at, tree["resourceType"], tree["id"], stored))

    async def delete(self, resource_type: str, logical_id: str) -> None:
        assert (await self.http.delete(f"/{resource_type}/{logical_id}")).status_code == 204
        gone = (await self.http.get(f"/{resource_type}/{logical_id}/_history?_count=1")).json()["entry"][0]["response"]
        at = datetime.fromisoformat(gone["lastModified"])
        self.versions.append((at, resource_type, logical_id, None))

    def state(self, instant: datetime | None) -> dict[tuple[str, str], Tree]:
        found: dict[tuple[str, str], Tree | None] = {}
        for at, resource_type, logical_id, tree in self.versions:
            if instant is None or at <= instant:
                found[resource_type, logical_id] = tree
        return {key: tree for key, tree in found.items() if tree}

    def resource(self) -> Tree:
        """A new resource, or another version of an old one."""
        chance = self.chance
        patient = {"reference": f"Patient/p{chance.randint(0, 2)}"}
        doctor = {"reference": chance.choice(["Practitioner/d0", "Practitioner/d1", "Patient/p1", "Practitioner/none"])}
        number = chance.randint(0, 11)
        day = f"2020-0{chance.randint(1, 4)}-0{chance.randint(1, 9)}"
        kind = chance.choice([*RULES, "Observation", "Practitioner"])
        tree: Tree = {"resourceType": kind, "id": f"{kind[0].lower()}{number}"}
        if kind == "Observation":
            tree |= {"status": "final", "code": {"text": str(self.made)}}
            tree |= {"subject": patient} if chance.random() < 0.9 else {}
            tree |= {"performer": [doctor]} if chance.random() < 0.5 else {}
            tree |= {"effectiveDateTime": day} if chance.random() < 0.8 else {}
            tree |= (
                {"derivedFrom": [{"reference": f"Observation/o{chance.randint(0, 11)}"}]}
                if chance.random() < 0.3
                else {}
            )
        elif kind == "Condition":
            tree |= {
                "subject": patient,
                "asserter": doctor,
                "note": [{"text": str(self.made), "authorReference": doctor}],
            }
            tree |= {"onsetDateTime": day} if chance.random() < 0.5 else {}
        elif kind == "Encounter":
            tree |= {"status": "finished", "class": {"code": "AMB"}, "subject": patient}
            tree |= {"serviceProvider": {"reference": "Organization/g"}, "priority": {"text": str(self.made)}}
            tree |= {"period": {"start": day} | ({"end": "2020-05-01"} if chance.random() < 0.5 else {})}
        elif kind == "Coverage":
            tree |= {
                "status": "active",
                "beneficiary": patient,
                "payor": [{"reference": "Organization/g"}],
                "dependent": str(self.made),
            }
        else:
            tree |= {"id": f"d{number % 2}", "name": [{"text": str(self.made)}]}
        self.made += 1
        return tree

    async def write(self, times: int) -> None:
        for _ in range(times):
            there = [key for key in self.state(None) if key[0] != "Patient" and key != ("Organization", "g")]
            if there and self.chance.random() < 0.2:
                await self.delete(*self.chance.choice(there))
            else:
                await self.put(self.resource())

    def expected(
        self,
        patient: str,
        instant: datetime | None = None,
        types: tuple[str, ...] = (),
        start: str = "",
        end: str = "9999",
        since: datetime | None = None,
    ) -> tuple[set[Identity], set[Identity]]:
        """What is in the record, and what that refers to."""
        state = self.state(instant)
        inside, around = set(), set()
        for (kind, _), tree in state.items():
            days = care(tree)
            if (
                patient in owners(tree)
                and kind in (types or (kind,))
                and not (days and (days[1] < start or days[0] > end))
                and not (since and datetime.fromisoformat(tree["meta"]["lastUpdated"]) < since)
            ):
                inside.add(identity(tree))
                for text in references(tree):
                    target = state.get((text.partition("/")[0], text.partition("/")[2]))
                    if target and not owners(target) and target["resourceType"] in (types or (target["resourceType"],)):
                        around.add(identity(target))
        return inside, around


def identity(tree: Tree) -> Identity:
    return tree["resourceType"], tree["id"], tree["meta"]["versionId"]
