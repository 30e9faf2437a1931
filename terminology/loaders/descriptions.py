"""The descriptions of SNOMED CT: terms with the dialects in which they are preferred, and the display of each concept.

https://hl7.org/fhir/R4/snomedct.html#display,
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification (language reference set)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..records import Record, Term
from .rf2 import MEMBER, File, Files

US_ENGLISH: Final = "900000000000509007"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
FULLY_SPECIFIED_NAME, SYNONYM, DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
USES: Final = {  # type of a description → what it is used for
    FULLY_SPECIFIED_NAME: ("http://snomed.info/sct", FULLY_SPECIFIED_NAME, "Fully specified name"),
    SYNONYM: ("http://snomed.info/sct", SYNONYM, "Synonym"),
    DEFINITION: ("http://snomed.info/sct", DEFINITION, "Definition"),
}
_COLUMNS: Final = ("conceptId", "languageCode", "typeId", "term", "caseSignificanceId")
Dialects = tuple[tuple[str, ...], tuple[str, ...]]  # language reference sets: preferred in, acceptable in


class Descriptions:
    """The descriptions of a release. What is kept of the language reference sets is a number for each description."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._sets: list[Dialects] = [((), ())]
        self._of: dict[int, int] | None = None  # description → place in _sets
        self._displays: dict[int, str] = {}
        self._definitions: dict[int, str] = {}
        self.default, self.language = self._first()

    def _first(self) -> tuple[str, str]:
        """The language reference set that displays are taken from: US English, else the first; and its language."""
        first = ("", "")
        for file in self._files.of("language"):
            seen = set[str]()
            for row in self._files.rows(file, MEMBER):
                if row[2] != "1" or row[4] in seen:
                    continue
                if row[4] == US_ENGLISH:
                    return US_ENGLISH, "en"
                seen.add(row[4])
                first = first if first[0] else (row[4], file.language)
        language = first[1] or next((file.language for file in self._files.of("description") if file.language), "en")
        return first[0], language

    def _dialects(self) -> Mapping[int, int]:
        """Description → place in _sets; made by the first who asks."""
        if self._of is None:
            of, moves = dict[int, int](), dict[tuple[int, str, str], int]()
            places = {self._sets[0]: 0}
            for file in self._files.of("language"):
                for row in self._files.rows(file, (*MEMBER, "acceptabilityId")):
                    _, _, active, _, refset, description, acceptability = row
                    if active != "1":
                        continue
                    if not description.isdecimal():
                        raise self._files.bad(file, row, "referencedComponentId", "it is no number")
                    key = int(description)
                    before = of.get(key, 0)
                    move = (before, refset, acceptability)
                    if move not in moves:
                        if acceptability not in (PREFERRED, ACCEPTABLE):
                            text = f"{acceptability[:50]!r} is neither {PREFERRED} nor {ACCEPTABLE}"
                            raise self._files.bad(file, row, "acceptabilityId", text)
                        preferred, acceptable = self._sets[before]
                        if acceptability == PREFERRED:
                            preferred = (*preferred, refset)
                        else:
                            acceptable = (*acceptable, refset)
                        after = (preferred, acceptable)
                        if after not in places:
                            places[after] = len(self._sets)
                            self._sets.append(after)
                        moves[move] = places[after]
                    of[key] = moves[move]
            self._of = of
        return self._of

    def terms(self, file: File) -> Iterator[Record]:
        of, sets = self._dialects(), self._sets
        shared = dict[tuple[str, str, str, str], dict[str, str]]()  # what many descriptions have alike
        for row in self._files.rows(file, _COLUMNS):
            component, time, active, module, concept, language, kind, text, case = row
            if not (component.isdecimal() and concept.isdecimal()):
                column, value = ("conceptId", concept) if component.isdecimal() else ("id", component)
                raise self._files.bad(file, row, column, f"{value[:50]!r} is no SNOMED CT identifier")
            if not text:
                raise self._files.bad(file, row, "term", "it is empty")
            key = (module, time, case, kind)
            fields = shared.get(key)
            if fields is None:
                fields = shared[key] = dict(
                    zip(("moduleId", "effectiveTime", "caseSignificanceId", "typeId"), key, strict=True)
                )
            preferred, acceptable = sets[of.get(int(component), 0)]
            use = USES.get(kind) or ("http://snomed.info/sct", kind, "")
            yield Term(concept, text, language, use, preferred, acceptable, active == "0", component, fields)
        if file is self._files.of("description")[-1]:
            self._of = None  # memory: nobody asks again but who reads anew

    def displays(self) -> Mapping[int, str]:
        """Concept → the preferred synonym in the default dialect, else the fully specified name, else any term."""
        self._read()
        return self._displays

    def definitions(self) -> Mapping[int, str]:
        """Concept → its definition as a text, the preferred one."""
        self._read()
        return self._definitions

    def forget_displays(self) -> None:
        """Frees the memory that displays take, until they are asked for again."""
        self._displays, self._definitions = {}, {}

    def _read(self) -> None:
        if self._displays:
            return
        of, default, own = self._dialects(), self.default, self.language
        is_default = [default in preferred for preferred, _ in self._sets]
        displays, definitions = self._displays, self._definitions
        ranks = dict[int, int]()  # of the displays that a better one may take the place of
        for file in self._files.of("description"):
            for row in self._files.rows(file, _COLUMNS):
                component, _, active, _, concept, language, kind, text, _ = row
                if active != "1" or not (component.isdecimal() and concept.isdecimal()):
                    continue  # what is malformed is told when the terms are read
                key, preferred = int(concept), is_default[of.get(int(component), 0)]
                if kind == DEFINITION:
                    if preferred or key not in definitions:
                        definitions[key] = text
                    continue
                rank = (0 if preferred else 3) if kind == SYNONYM else 1 if language == own else 2
                if key not in displays or rank < ranks.get(key, 0):
                    displays[key] = text
                    if rank:
                        ranks[key] = rank
                    else:
                        ranks.pop(key, None)
