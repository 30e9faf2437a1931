"""A small invented release: attributes with subtypes, role groups, concrete values, reference sets, associations, dialects.

Codes of the format itself (types of descriptions, is-a …) are those of the format; the rest is made up.
"""

from __future__ import annotations

from random import Random
from typing import Final

from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.records import About, Concept, Member, Parent, Property, Record, Term

URL: Final = "http://ecl.example.org"
ABOUT: Final = About(URL, version="1", kind="snomed", language="en")
THINGS: Final = tuple(str(1_000_000 + number) for number in range(24))
ATTRIBUTES: Final = ("2000000", "2000001", "2000002", "2000003")  # the second and third are below the first
STRENGTH, BRAND, HARMFUL = "2000010", "2000011", "2000012"
SETS: Final = ("3000000", "3000001")
SAME_AS, REPLACED_BY, POSSIBLY = "900000000000527005", "900000000000526001", "900000000000523009"
ASSOCIATIONS: Final = "900000000000522004"
MODULES: Final = ("4000000", "4000001")
PRIMITIVE, DEFINED = "900000000000074008", "900000000000073002"
FSN, SYNONYM, DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
US, GB = "900000000000509007", "900000000000508004"
WORDS: Final = ("red", "blue", "redness", "cafe", "café", "grün", "J45.9", "beta-2", "un*der")
DATES: Final = ("20200131", "20210731", "20240131")


def records() -> list[Record]:
    random = Random(7)
    found: list[Record] = []

    def concept(code: str, *parents: str, inactive: bool = False) -> None:
        words = random.sample(WORDS, 2)
        found.append(Concept(code, " ".join(words), inactive=inactive))
        found.append(Property(code, "moduleId", random.choice(MODULES), "code"))
        if random.random() < 0.9:
            found.append(Property(code, "effectiveTime", random.choice(DATES)))
        found.append(Property(code, "definitionStatusId", random.choice((PRIMITIVE, DEFINED)), "code"))
        for number in range(3):
            text = " ".join(random.sample(WORDS, random.randint(1, 3)))
            sets = [[one for one in (US, GB) if random.random() < 0.4] for _ in range(2)]
            use = random.choice((FSN, SYNONYM, DEFINITION))
            fields = {"moduleId": random.choice(MODULES), "effectiveTime": random.choice(DATES)}
            found.append(
                Term(
                    code,
                    text,
                    random.choice(("en", "de")),
                    ("http://snomed.info/sct", use, ""),
                    tuple(sets[0]),
                    tuple(one for one in sets[1] if one not in sets[0]),
                    random.random() < 0.2,
                    f"{code}{number}",
                    fields,
                )
            )
        found.extend(Parent(code, parent) for parent in dict.fromkeys(parents))

    concept("1380000")
    for code in ("1390000", ASSOCIATIONS, FSN, SYNONYM, DEFINITION, US, GB, *MODULES, PRIMITIVE, DEFINED, *SETS):
        concept(code, "1380000")
    for code in (SAME_AS, REPLACED_BY, POSSIBLY):
        concept(code, ASSOCIATIONS)
    concept(ATTRIBUTES[0], "1390000")
    for code in (*ATTRIBUTES[1:3],):
        concept(code, ATTRIBUTES[0])
    for code in (ATTRIBUTES[3], STRENGTH, BRAND, HARMFUL):
        concept(code, "1390000")
    concept(THINGS[0], "1380000")
    for number, code in enumerate(THINGS[1:20], 1):
        concept(code, *(THINGS[random.randrange(number)] for _ in range(random.randint(1, 2))))
    for code in THINGS[20:]:
        concept(code, inactive=True)
        for association in random.sample((SAME_AS, REPLACED_BY, POSSIBLY), 2):
            fields = {"targetComponentId": random.choice(THINGS[:20]), "moduleId": MODULES[0]}
            found.append(Member(association, code, fields))
    for code in THINGS[:20]:
        for _ in range(random.randint(0, 6)):
            target = random.choice(THINGS[:20])
            found.append(Property(code, random.choice(ATTRIBUTES), target, "concept", group=random.randint(0, 2)))
        for _ in range(random.randint(0, 2)):
            strength = random.choice(("5", "10", "2.50"))
            found.append(Property(code, STRENGTH, strength, "decimal", group=random.randint(0, 2)))
        if random.random() < 0.5:
            found.append(Property(code, BRAND, random.choice(WORDS), "string", group=random.randint(0, 1)))
            found.append(Property(code, HARMFUL, random.choice(("true", "false")), "boolean"))
        if random.random() < 0.3:
            found.append(Property(code, "alternateIdentifier:30051010000102", f"{code[-2:]}-1"))
    for code in (*THINGS, *ATTRIBUTES):
        if random.random() < 0.5:
            found.append(
                Member(SETS[0], code, {"moduleId": random.choice(MODULES), "effectiveTime": random.choice(DATES)})
            )
        for _ in range(random.randint(0, 2)):
            fields = {
                "moduleId": random.choice(MODULES), "effectiveTime": random.choice((*DATES, "")),
                "mapTarget": random.choice(WORDS), "mapGroup": str(random.randint(1, 3)),
                "flag": random.choice(("0", "1")), "valueId": random.choice(THINGS),
            }  # fmt: skip
            found.append(Member(SETS[1], code, fields))
    return found


def indexed() -> Indexed:
    return Indexed(build(ABOUT, records()))
