"""Readers of the official release files: LOADERS names them all, `find_loader` finds one by name or canonical URL, `auto`
by the files. https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from . import claml, fhir, gem, icd10cm, icd10pcs, icd11, loinc, rxnorm, snomed, ucum, who_map
from .archive import Archive, BadFile
from .release import Loader, Options, Part, Release, Report

__all__ = [
    "LOADERS", "Archive", "BadFile", "Loader", "Options", "Part", "Release", "Report", "auto", "find_loader", "options_in",
]  # fmt: skip

LOADERS: Final[Mapping[str, Loader]] = {
    one.name: one
    for one in (
        snomed.LOADER,
        loinc.LOADER,
        claml.LOADER,
        icd10cm.LOADER,
        icd10pcs.LOADER,
        icd11.LOADER,
        who_map.LOADER,
        gem.LOADER,
        rxnorm.LOADER,
        ucum.LOADER,
        fhir.LOADER,
    )
}

_sct = re.compile(r"http://snomed\.info/x?sct(?:/(?P<module>\d{6,18}))?(?:/version/(?P<date>\d{8}))?").fullmatch


def find_loader(system: str) -> Loader:
    """The loader of a system: a name of LOADERS or a canonical URL, with edition and version where it has them.

    Raises LookupError, which names those there are."""
    url = system.partition("|")[0]
    if _sct(url):
        url = snomed.SCT
    found = LOADERS.get(url) or next((one for one in LOADERS.values() if url in one.urls), None)
    if found is None:
        raise LookupError(
            f"There is no loader for {system}; there are {', '.join(LOADERS)}, their canonical URLs and auto."
        )
    return found


def options_in(system: str) -> Options:
    """What a canonical URL says of the release that is meant: http://snomed.info/sct/{module}/version/{date}, url|version.

    https://hl7.org/fhir/R4/snomedct.html#version"""
    url, _, version = system.partition("|")
    said = _sct(version) or _sct(url)
    if said:
        return Options(version=said["date"] or "", edition=said["module"] or "")
    return Options(version=version)


def auto(archive: Archive) -> Loader:
    """The loader whose files these are, by their names and first lines. Raises LookupError where no or several fit."""
    found = [one for one in LOADERS.values() if one.detect(archive)]
    if len(found) != 1:
        said = "several loaders: " + ", ".join(one.name for one in found) if found else f"none of {', '.join(LOADERS)}"
        raise LookupError(f"The files of {archive.path} are those of {said}. Name the system.")
    return found[0]
