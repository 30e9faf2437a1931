"""Which edition of SNOMED CT files are, and of what date: by the modules and what they depend on.

https://hl7.org/fhir/R4/snomedct.html#version,
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification (module dependency reference set)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from .archive import BadFile
from .release import Options, Report
from .rf2 import MEMBER, Files

INTERNATIONAL: Final = "900000000000207008"
EDITIONS: Final[Mapping[str, str]] = {  # module → name of the edition
    INTERNATIONAL: "International edition",
    "11000221109": "Argentine edition",
    "32506021000036107": "Australian edition",
    "11000234105": "Austrian edition",
    "11000172109": "Belgian edition",
    "20621000087109": "Canadian edition in English",
    "20611000087101": "Canadian edition in French",
    "21000325107": "Chilean edition",
    "11000279109": "Czech edition",
    "554471000005108": "Danish edition",
    "11000146104": "Netherlands edition",
    "11000181102": "Estonian edition",
    "11000229106": "Finnish edition",
    "11000315107": "French edition",
    "11000274103": "German edition",
    "1121000189102": "Indian edition",
    "827022005": "IPS terminology",
    "11000220105": "Irish edition",
    "11000267109": "Korean edition",
    "11010000107": "LOINC extension",
    "21000210109": "New Zealand edition",
    "51000202101": "Norwegian edition",
    "900000001000122104": "Spanish national edition",
    "449081005": "Spanish edition",
    "45991000052106": "Swedish edition",
    "2011000195101": "Swiss edition",
    "83821000000107": "United Kingdom edition",
    "999000021000000109": "United Kingdom clinical edition",
    "731000124108": "United States edition",
    "5631000179106": "Uruguayan edition",
}
# Modules that come beside an edition's own one without being another edition.
_BESIDE: Final = frozenset({"900000000000012004", "449080006", "5991000124107"})


class Edition(NamedTuple):
    module: str
    date: str  # yyyymmdd
    name: str = ""  # "" for one that EDITIONS does not have


def edition_of(files: Files, options: Options, report: Report) -> Edition:
    """The edition that the files are: of the modules in them the one that depends on most others, known editions first.

    Raises BadFile if another one or another date is asked for than there is, or if nothing says it."""
    dates: dict[str, str] = {}  # module → its latest date
    needs: dict[str, dict[str, str]] = {}  # module → module that it depends on → date that it depends on
    for file in files.of("dependency"):
        asked = (*MEMBER, "sourceEffectiveTime", "targetEffectiveTime")
        for _, _, active, module, _, other, date, other_date in files.rows(file, asked):
            if active != "1" or (files.date and date > files.date):
                continue
            if date > dates.get(module, ""):
                dates[module], needs[module] = date, {}
            if date == dates[module]:
                needs[module][other] = other_date
    whole = str(files.archive.path)
    module = options.edition or _top(dates, needs)
    if not module:
        raise BadFile(
            whole, 0, 0, "no module dependency says which edition it is; name it as http://snomed.info/sct/{module}"
        )
    if options.edition and dates and module not in dates:
        raise BadFile(whole, 0, 0, f"it is not the edition {module}; its modules are {', '.join(sorted(dates))}")
    named = max((file.date for file in files.all), default="")
    date = files.date or dates.get(module) or named
    if not (date.isdecimal() and len(date) == 8):
        raise BadFile(
            whole, 0, 0, "no file says of what date it is; name it as http://snomed.info/sct/{module}/version/{date}"
        )
    if files.date and module in dates and dates[module] != files.date:
        if all(file.kind == "snapshot" for file in files.all):
            raise BadFile(whole, 0, 0, f"it is the release of {dates[module]}, not of {files.date}")
        report.notes.append(f"There was no release on {files.date}; what stood then is that of {dates[module]}.")
    for other, wanted in sorted(needs.get(module, {}).items()):
        if other not in dates and other not in _BESIDE:
            report.notes.append(f"It depends on the module {other} of {wanted}, which is not there.")
        elif dates.get(other, wanted) != wanted:
            report.notes.append(f"It depends on the module {other} of {wanted}; the files have that of {dates[other]}.")
    return Edition(module, date, EDITIONS.get(module, ""))


def _top(dates: Mapping[str, str], needs: Mapping[str, Mapping[str, str]]) -> str:
    candidates = [one for one in dates if one not in _BESIDE and one != INTERNATIONAL]
    known = [one for one in candidates if one in EDITIONS]
    if not candidates:
        return INTERNATIONAL if INTERNATIONAL in dates else next(iter(sorted(dates)), "")
    return max(known or candidates, key=lambda one: (len(_closure(one, needs)), dates[one], one))


def _closure(module: str, needs: Mapping[str, Mapping[str, str]]) -> set[str]:
    found, open_ = {module}, [module]
    while open_:
        for other in needs.get(open_.pop(), {}):
            if other not in found:
                found.add(other)
                open_.append(other)
    return found
