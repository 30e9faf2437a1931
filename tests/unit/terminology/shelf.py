"""A tenant's terminology resources in memory, as the terminology asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from terminology.stored import NEWEST, Found, Wanted

Tree = dict[str, Any]


class Shelf:
    """A tenant's resources, and what was asked of them."""

    def __init__(self, *trees: Tree, tenant_id: int = 1) -> None:
        self.tenant_id = tenant_id
        self.trees = list(trees)
        self.sent: list[str] = []  # ids of the trees that were handed over
        self.asked = 0  # times
        self.wanted: list[Wanted] = []
        self.searched = 0  # for the value sets of code systems, times

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        self.asked += 1
        self.wanted += wanted
        return [
            [
                self._found(tree, known)
                for tree in (self._newest(one[0]) if one[1] == NEWEST else self.trees)
                if one[1] == NEWEST or self._is(tree, *one)
            ]
            for one in wanted
        ]

    @staticmethod
    def _is(tree: Tree, kind: str, name: str) -> bool:
        return tree["resourceType"] == kind and name in (tree.get("url"), f"{kind}/{tree['id']}")

    def _newest(self, kind: str) -> list[Tree]:
        return [tree for tree in self.trees if tree["resourceType"] == kind][-1:]

    def _found(self, tree: Tree, known: Callable[[str, str, int], bool]) -> Found:
        version_id = int(tree.get("meta", {}).get("versionId", 1))
        if known(tree["resourceType"], tree["id"], version_id):
            return Found(tree["id"], version_id, None)
        self.sent.append(tree["id"])
        return Found(tree["id"], version_id, tree)

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        self.searched += 1
        return {tree["valueSet"]: tree["url"] for tree in self.trees if tree.get("valueSet") in value_sets}
