"""The plans of what a package writes and of what it takes away again, by the one write path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Final

from msgspec.structs import replace as with_

from resources.outcome import FhirError

from ..exchange import Request
from ..planning import REGISTERED, Plan, plan, write_of
from ..tenancy import Tenant
from .arrangement import Place
from .store import Content

_TOGETHER: Final = 200  # resources written by one call …
_LARGEST: Final = 4_000_000  # … and bytes of them, if it is more than one
_FAIR: Final = 5  # resources that are planned before others have their turn


class Planning:
    """The plans of what a package writes, in the order in which it is applied: what changes the definitions comes last."""

    def __init__(self, tenant: Tenant, base: str) -> None:
        # A package is installed by who runs the tenant: what binds clients in the choice of ids and versions does not.
        self._tenant = replace(tenant, settings={**tenant.settings, "update_create": True, "require_if_match": False})
        self._base = base

    async def chunks(self, places: Sequence[Place], unused: set[str]) -> AsyncIterator[list[Plan]]:
        """Plans that are applied together. Raises what planning raises; each error names its file."""
        ordered = sorted(places, key=lambda place: place.packed.resource_type in REGISTERED)
        chunk: list[Plan] = []
        size, defining = 0, False
        for number, place in enumerate(ordered):
            registered = place.packed.resource_type in REGISTERED
            room = len(chunk) < _TOGETHER and size + len(place.packed.text) <= _LARGEST
            # All that changes the definitions goes in one call: what came after would be planned with old ones.
            if chunk and (not defining if registered else not room):
                yield chunk
                chunk, size = [], 0
            defining = registered
            chunk.append(self.plan(place, unused=place.packed.url in unused))
            size += len(place.packed.text)
            if number % _FAIR == 0:
                await asyncio.sleep(0)
        if chunk:
            yield chunk

    def plan(self, place: Place, *, unused: bool = False) -> Plan:
        """The plan of one definition: good only as long as its place is as it was found."""
        headers = {"if-match": f'W/"{place.version_id}"'} if place.version_id else {"if-none-match": "*"}
        tree = {**place.packed.tree(), "id": place.logical_id}
        path = (place.packed.resource_type, place.logical_id)
        request = Request("PUT", path, self._tenant, self._base, "", headers, place.packed.text, tree)
        try:
            return plan(with_(write_of(request, "update"), unused=unused), (), None)
        except FhirError as error:
            issues = [replace(one, diagnostics=f"{place.packed.file}: {one.diagnostics}") for one in error.issues]
            raise type(error)(issues=issues) from None

    def deletions(self, contents: Sequence[Content]) -> Iterator[list[Plan]]:
        """Plans that are applied together, each good only as long as the resource is at this version."""
        ordered = [one for one in contents if one.resource_type not in REGISTERED]
        for start in range(0, len(ordered), _TOGETHER):
            yield [self._deletion(one) for one in ordered[start : start + _TOGETHER]]
        if last := [one for one in contents if one.resource_type in REGISTERED]:
            yield [self._deletion(one) for one in last]

    def _deletion(self, content: Content) -> Plan:
        headers = {"if-match": f'W/"{content.version_id}"'}
        path = (content.resource_type, content.logical_id)
        return plan(write_of(Request("DELETE", path, self._tenant, self._base, "", headers), "delete"), (), None)
