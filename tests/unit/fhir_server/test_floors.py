"""The packages with a schema: each has its migrations, and the order is that of the house."""

from __future__ import annotations

from fhir_server.floors import FLOORS

from ...house import FLOORS as HOUSE


def test_every_package_with_a_schema_is_there_lowest_first() -> None:
    names = [folder.name for folder in FLOORS]
    assert names == [name for name in HOUSE if name in names]
    for folder in FLOORS:
        assert (folder / "schema.sql").is_file()
        assert list((folder / "migrations").glob("0001_*.sql"))
