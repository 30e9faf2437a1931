"""The tenant setting terminology_versions."""

from __future__ import annotations

import pytest

from terminology.releases.pinned import pinned, terminology_versions

SNOMED = "http://snomed.info/sct"


def test_versions_may_be_patterns_and_uris() -> None:
    text = f"http://loinc.org=2.x, {SNOMED}={SNOMED}/900000000000207008/version/20240101,urn:oid:1.2.3=2024-09,"
    assert pinned(text) == {
        "http://loinc.org": "2.x",
        SNOMED: f"{SNOMED}/900000000000207008/version/20240101",
        "urn:oid:1.2.3": "2024-09",
    }
    written = ",".join(f"{url}={version}" for url, version in terminology_versions(text))
    assert pinned(written) == pinned(text)
    assert pinned("") == {}


@pytest.mark.parametrize(
    "text",
    ["http://loinc.org", "=1", "loinc=1", "http://loinc.org=", "http://a|1=2", "http://a=1 2", "http://a=1,http://a=2"],
)
def test_what_is_no_url_and_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the URL of a code system and a version|has two versions"):
        terminology_versions(text)
