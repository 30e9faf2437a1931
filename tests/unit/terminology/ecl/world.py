"""A world small enough to see what an expression selects."""

from __future__ import annotations

from terminology.budget import Budget
from terminology.ecl import select
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.records import About, Concept, Member, Parent, Property, Record, Term

# Numbers: 100000n things, 200000n attributes, 300000n sets.
ROOT, ALL, A, B, C, D, OLD, OLDER = (f"{number}" for number in range(1_000_000, 1_000_008))
NAME, SUBNAME, DOSE, BRAND = "2000001", "2000002", "2000003", "2000004"
SET, EMPTY, SAME_AS, WAS_A, POSSIBLY = (
    "3000001",
    "3000002",
    "900000000000527005",
    "900000000000528000",
    "900000000000523009",
)
SYNONYM, FSN, US = "900000000000013009", "900000000000003001", "900000000000509007"
SCT = "http://snomed.info/sct"


def world() -> list[Record]:
    """ROOT > ALL > A > B > C, ALL > D."""
    found: list[Record] = [Concept(one) for one in (ROOT, NAME, SUBNAME, EMPTY)]
    for code, display in ((ALL, "Everything"), (A, "Heart"), (B, "Heart attack"), (C, "Résumé"), (D, "Gastritis")):
        found.append(Concept(code, display))
        found.append(Term(code, display, "en", (SCT, SYNONYM, ""), (US,), (), False, f"{code}01", {"moduleId": ROOT}))
        found.append(Term(code, f"{display} (thing)", "en", (SCT, FSN, ""), (), (US,), False, f"{code}02"))
    found += [Concept(OLD, inactive=True), Concept(OLDER, inactive=True)]
    found.append(Term(D, "Sjögren's J45.9", "sv", (SCT, SYNONYM, ""), inactive=True))
    for code, parent in ((ALL, ROOT), (A, ALL), (B, A), (C, B), (D, ALL), (SUBNAME, NAME)):
        found.append(Parent(code, parent))
    for code, name, value, group in (
        (B, NAME, A, 1), (B, NAME, B, 1),  # A is redundant: B is below it
        (C, NAME, A, 1), (C, NAME, D, 2), (C, SUBNAME, D, 2),
        (D, NAME, D, 0),
    ):  # fmt: skip
        found.append(Property(code, name, value, "concept", group=group))
    found += [
        Property(A, DOSE, "5.0", "decimal"),
        Property(B, DOSE, "12", "integer"),
        Property(A, BRAND, "PanaDol", "string"),
    ]
    found += [Property(A, "alternateIdentifier:30051010000102", "1-8"), Property(A, "effectiveTime", "20200131")]
    for which, code, target in ((SAME_AS, OLD, B), (WAS_A, OLDER, B), (POSSIBLY, OLDER, D)):
        found.append(Member(which, code, {"targetComponentId": target}))
    found += [
        Member(SET, A, {"mapTarget": "J45.9", "mapGroup": "1"}),
        Member(SET, OLD, {"mapTarget": "K1", "mapGroup": "2"}),
    ]
    return found


WORLD = Indexed(build(About("http://x.example.org", "7", kind="snomed", language="en"), world()))


def selected(text: str) -> set[str]:
    """The codes that an expression selects."""
    return {WORLD.code(one) for one in select(WORLD, text, Budget())}
