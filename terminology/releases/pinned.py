"""The versions that a tenant has pinned: those that count where none is asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_canonical = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s,=|]+").fullmatch


def terminology_versions(text: str) -> list[tuple[str, str]]:
    """Pairs of the URL of a code system and a version, or pattern of versions, as in
    "http://loinc.org=2.77,http://snomed.info/sct=http://snomed.info/sct/900000000000207008". Raises ValueError."""
    pairs = [(url.strip(), version.strip()) for url, _, version in (one.partition("=") for one in _listed(text))]
    for url, version in pairs:
        if not _canonical(url) or not version or re.search(r"[\s|]", version):
            raise ValueError(f"{url}={version}: not the URL of a code system and a version")
    if twice := [url for number, (url, _) in enumerate(pairs) if url in dict(pairs[:number])]:
        raise ValueError(f"{twice[0]} has two versions")
    return pairs


def pinned(text: str) -> Mapping[str, str]:
    """What the setting terminology_versions says: version by URL."""
    return dict(terminology_versions(text))


def _listed(text: str) -> list[str]:
    return [one for one in text.split(",") if one.strip()]
