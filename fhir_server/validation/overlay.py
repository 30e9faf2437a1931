"""Value sets and code systems that are not stored, laid over those of a tenant: what a package would bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from resources import exact
from resources.profiles.world import Tree
from terminology.stored import Found, Stored, Wanted

_VERSION: Final = 1


class Laid:
    """The Stored (terminology.stored) of a tenant, in which these definitions, by canonical URL, are found, too."""

    def __init__(self, below: Stored, definitions: Mapping[str, Tree]) -> None:
        self.tenant_id = below.tenant_id
        self._below = below
        self._definitions = definitions

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        found = list(await self._below.find(wanted, known))
        for number, (kind, name) in enumerate(wanted):
            tree = self._definitions.get(name)
            if tree is not None and tree["resourceType"] == kind:
                # An id that no resource can have, and no other content: what is remembered by it is never wrong.
                logical_id = f"|{blake2b(exact.canonical(tree), digest_size=16).hexdigest()}"
                is_known = known(kind, logical_id, _VERSION)
                found[number] = [*found[number], Found(logical_id, _VERSION, None if is_known else dict(tree))]
        return found

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        stored = await self._below.systems_of(value_sets)
        laid = {tree.get("valueSet"): url for url, tree in self._definitions.items()}
        return {**{one: laid[one] for one in value_sets if one in laid}, **stored}
