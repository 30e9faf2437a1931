"""The official resources of R4, byte for byte, as (file name, bytes).

tests/data/examples.tar.xz holds all 5,306 resources of the official package, made by resources/data/build.py, which
also states which of them are examples and which are definitions. FHIR_SERVER_R4_PACKAGE, the path of
hl7.fhir.r4.examples-4.0.1.tgz, puts the package itself in the place of the committed file.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

ARCHIVE = Path(__file__).parent / "data/examples.tar.xz"


def examples() -> Iterator[tuple[str, bytes]]:
    """Every resource of the package that is not one of the definitions in resources/data/r4.zip."""
    for path, text in _read(ARCHIVE):
        folder, name = path.split("/")
        if folder != "examples":
            return  # the examples come first
        yield name, text


def package() -> Iterator[tuple[str, bytes]]:
    """Every resource of the package: 5,306."""
    for path, text in _read(Path(os.environ.get("FHIR_SERVER_R4_PACKAGE") or ARCHIVE)):
        name = path.rpartition("/")[2]
        if name.endswith(".json") and name != "package.json":
            yield name, text


def _read(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r|*") as tar:  # as a stream: one file in memory at a time
        for member in tar:
            if content := tar.extractfile(member):
                yield member.name, content.read()
