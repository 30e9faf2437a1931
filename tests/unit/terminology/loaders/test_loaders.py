"""The table of loaders: a row for every name of the command, found by name and by canonical URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders import LOADERS, Archive, Options, auto, find_loader, options_in
from tests.releases import rxnorm, snomed

NAMES = "snomed loinc icd-10 icd-10-cm icd-10-pcs icd-11 who-map gem rxnorm ucum fhir"


def test_every_name_of_the_command_has_a_loader() -> None:
    assert list(LOADERS) == NAMES.split()
    urls = [url for one in LOADERS.values() for url in one.urls]
    assert len(urls) == len(set(urls))
    assert all(find_loader(name).name == name for name in LOADERS)
    assert all(find_loader(url) is one for one in LOADERS.values() for url in one.urls)


@pytest.mark.parametrize(
    ("system", "name", "options"),
    [
        ("http://snomed.info/sct", "snomed", Options()),
        ("http://snomed.info/sct/731000124108", "snomed", Options(edition="731000124108")),
        (
            "http://snomed.info/sct/731000124108/version/20300301",
            "snomed",
            Options(version="20300301", edition="731000124108"),
        ),
        (
            "http://snomed.info/sct|http://snomed.info/sct/731000124108/version/20300301",
            "snomed",
            Options(version="20300301", edition="731000124108"),
        ),
        ("http://loinc.org|2.99", "loinc", Options(version="2.99")),
        ("http://www.nlm.nih.gov/research/umls/rxnorm|07032030", "rxnorm", Options(version="07032030")),
        ("loinc", "loinc", Options()),
    ],
)
def test_a_canonical_url_says_edition_and_version(system: str, name: str, options: Options) -> None:
    """https://hl7.org/fhir/R4/snomedct.html: the version is a URL of edition and date."""
    assert find_loader(system).name == name
    assert options_in(system) == options


def test_an_unknown_system_names_those_that_are_known() -> None:
    with pytest.raises(LookupError, match=r"no loader for http://example.org/x; there are snomed, loinc"):
        find_loader("http://example.org/x")


def test_auto_looks_at_the_files(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LookupError, match="none of snomed"):
        auto(Archive(tmp_path / "empty"))
    snomed.write(tmp_path / "both")
    assert auto(Archive(tmp_path / "both")).name == "snomed"
    rxnorm.write(tmp_path / "both")
    with pytest.raises(LookupError, match="several loaders: snomed, rxnorm"):
        auto(Archive(tmp_path / "both"))
