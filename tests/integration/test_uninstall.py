"""Packages are taken away again, and nothing else."""

from __future__ import annotations

import httpx

from ..packages import (
    COLOURS,
    PROFILE,
    SHADE,
    everything_ready,
    install,
    packed,
    said,
)
from .test_own_parameters import eventually, ids, store


async def test_uninstalling_deletes_what_was_brought_and_not_changed(http: httpx.AsyncClient) -> None:
    await install(http, packed(COLOURS, SHADE, PROFILE))
    await everything_ready(http, "/Patient?shade=red")
    await store(http, {**PROFILE, "title": "Changed"})
    gone = said(await http.post("/$package-uninstall?name=org.example.guide&version=1.0.0"))
    assert gone["deleted"] == 2
    assert [(one["what"], one["reason"]) for one in gone["resource"]] == [
        ("StructureDefinition/guided", "it was changed since")
    ]
    assert (await http.get("/CodeSystem/colours")).status_code == 410
    assert (await http.get("/StructureDefinition/guided")).status_code == 200

    async def unknown() -> bool:
        return (await http.get("/Patient?shade=red", headers={"prefer": "handling=strict"})).status_code == 400

    await eventually(unknown)
    assert (await http.post("/$package-uninstall?name=org.example.guide")).status_code == 404
    again = await install(http, packed(COLOURS, SHADE, PROFILE))
    assert (again["created"], again["replaced"]) == (2, 1)
    await everything_ready(http, "/Patient?shade=red")


async def test_two_versions_lie_side_by_side(http: httpx.AsyncClient) -> None:
    await install(http, packed(COLOURS, PROFILE, SHADE))
    newer = [{**one, "version": "2.0.0"} for one in (COLOURS, PROFILE, SHADE)]
    done = await install(http, packed(*newer, version="2.0.0"))
    assert (done["created"], done["replaced"]) == (2, 1)  # of a search parameter there is one in force
    assert len(await ids(http, f"CodeSystem?url={COLOURS['url']}")) == 2
    assert len(await ids(http, f"CodeSystem?url={COLOURS['url']}|2.0.0")) == 1
    assert (await http.post("/$package-uninstall?name=org.example.guide")).status_code == 400
    gone = said(await http.post("/$package-uninstall?name=org.example.guide&version=1.0.0"))
    assert gone["deleted"] == 2
    assert [(one["what"], one["reason"]) for one in gone["resource"]] == [
        ("SearchParameter/shade", "org.example.guide#2.0.0 has it, too")
    ]
    assert len(await ids(http, f"CodeSystem?url={COLOURS['url']}")) == 1
    await everything_ready(http, "/Patient?shade=red")
    # The second one is now the one that brought the parameter.
    assert said(await http.post("/$package-uninstall?name=org.example.guide"))["deleted"] == 3
