"""The SQL of one level of includes: what is pointed to, by key or canonical URL, and what points here, by its postings.

Every way reads its lists in one order, from a position on, and stops where the limit is full. Bodies come up to a number
of bytes. Runs inside the frame of resources.database: the tenant is g.t and arguments begin at $2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .parameters.tables import Arguments

CURRENT: Final = 0  # instead of a version id
BY_KEY, BY_URL, BY_POSTING = 0, 1, 2  # the ways to an included resource, in the order in which they are gone
_LAST: Final = 2**63 - 1

Position = tuple[int, int, int, int, int]  # way, list (two numbers), s and rid below zero: in the order of a level


@dataclass(slots=True)
class Wanted:
    """What one level asks the database for; each list is named by two numbers."""

    keys: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)  # (hash, version id) → type, id
    # (hash, type) → parameter, URL, the versions that will do ("": any)
    urls: dict[tuple[int, int], tuple[int, str, set[str]]] = field(default_factory=dict)
    postings: set[tuple[int, int]] = field(default_factory=set)  # (q, h)

    def __bool__(self) -> bool:
        return bool(self.keys or self.urls or self.postings)


# Also of a resource that has gone on since; what is deleted is no target any more.
_OF_A_VERSION: Final = (
    "union all select v.rtype, v.id, v.ver, v.lu, v.op, null, v.resource from resource r "
    "cross join lateral (select v.* from resource_version v where v.tenant_id = g.t and v.rid = x.rid "
    "and v.ver = x.ver and v.resource is not null offset 0) v "
    "where x.ver <> 0 and r.tenant_id = g.t and r.rid = x.rid and not r.deleted"
)


class Statement:
    """The statement of a level: its text depends on which ways are gone only."""

    def __init__(self, wanted: Wanted, since: Position | None, limit: int, size: int) -> None:
        """size: bytes, as they are stored, after which no further row has a body; `before` are those before a row."""
        self.arguments = Arguments()
        self.lists: dict[int, list[tuple[int, int]]] = {}  # of each way, in its order
        self._since = since or (-1, 0, 0, 0, 0)
        self._limit = self.arguments.add(limit, "int8")
        parts = [*self._by_key(wanted.keys), *self._by_url(wanted.urls), *self._by_posting(wanted.postings)]
        versions = _OF_A_VERSION if any(version_id != CURRENT for _, version_id in self.lists.get(BY_KEY, ())) else ""
        keys = "r.keys" if since else "null::int8[]"  # what an earlier answer may have found it by
        self.text = (
            "select z.way, z.n, z.s, z.rid, z.rtype, z.id, z.ver, z.lu, z.op, z.keys, z.before, z.size, "
            f"case when z.before < {self.arguments.add(size, 'int8')} then z.resource::text end as body "
            "from (select x.way, x.n, x.s, x.rid, r.*, coalesce(sum(r.size) over (order by x.way, x.n, x.s desc, "
            "x.rid desc rows between unbounded preceding and 1 preceding), 0) as before from ("
            f"select * from ({' union all '.join(parts)}) x order by x.way, x.n, x.s desc, x.rid desc "
            f"limit {self._limit}) x left join lateral (select r.rtype, r.id, r.ver, r.lu, r.op, r.keys, r.resource, "
            f"pg_column_size(r.resource) as size from (select r.rtype, r.id, r.ver, r.lu, r.op, {keys} as keys, "
            "r.resource from resource r "
            "where r.tenant_id = g.t and r.rid = x.rid and not r.deleted and (x.ver = 0 or r.ver = x.ver) "
            f"{versions} offset 0) r) r on true) z order by z.way, z.n, z.s desc, z.rid desc"
            if parts
            else ""
        )

    def _due(self, way: int, lists: Iterable[tuple[tuple[int, int], Any]]) -> list[tuple[Any, int, int]]:
        """The lists of a way that are not read to their end, with the s and rid below which they go on."""
        at_way, a, b, s, rid = self._since
        due = []
        for ab, what in sorted(lists, key=lambda one: one[0]):
            if (way, *ab) >= (at_way, a, b):
                here = (way, *ab) == (at_way, a, b)
                if here and way == BY_KEY:
                    continue
                self.lists.setdefault(way, []).append(ab)
                due.append((what, -s if here else _LAST, -rid if here else _LAST))
        return due

    def _by_key(self, keys: Mapping[tuple[int, int], tuple[int, str]]) -> Iterator[str]:
        due = self._due(BY_KEY, keys.items())
        if due:
            rows = [(a, b, *what) for (a, b), (what, _, _) in zip(self.lists[BY_KEY], due, strict=True)]
            columns = {"skey": "int8", "ver": "int4", "rtype": "int2", "id": "text"}
            yield (
                f"(select {BY_KEY} as way, v.n, 0::int8 as s, r.rid, v.ver from {self._numbered(rows, columns)} "
                "cross join lateral (select r.rid from resource r where r.tenant_id = g.t and r.skey = v.skey "
                "and r.rtype + 0 = v.rtype and r.id = v.id and not r.deleted offset 0) r "
                f"order by v.n limit {self._limit})"
            )

    def _by_url(self, urls: Mapping[tuple[int, int], tuple[int, str, set[str]]]) -> Iterator[str]:
        due = self._due(BY_URL, urls.items())
        if due:
            named = zip(self.lists[BY_URL], due, strict=True)
            rows = [(rtype, param, url, s, rid) for (_, rtype), ((param, url, _), s, rid) in named]
            columns = {"rtype": "int2", "param": "int2", "url": "text", "s": "int8", "rid": "int8"}
            yield (
                f"(select {BY_URL} as way, v.n, u.s, u.rid, 0 as ver from {self._numbered(rows, columns)} "
                "cross join lateral (select u.s, u.rid from uri u where u.tenant_id = g.t and u.rtype = v.rtype "
                "and u.param = v.param and u.v = v.url and (u.s, u.rid) < (v.s, v.rid) "
                f"order by u.s desc, u.rid desc limit {self._limit}) u "
                f"order by v.n, u.s desc, u.rid desc limit {self._limit})"
            )

    def _by_posting(self, postings: Iterable[tuple[int, int]]) -> Iterator[str]:
        due = self._due(BY_POSTING, ((one, one) for one in postings))
        if due:
            columns = {"q": "int4", "h": "int8", "s": "int8", "rid": "int8"}
            rows = [(*row, s, rid) for row, s, rid in due]
            yield (
                f"(select {BY_POSTING} as way, v.n, p.s, p.rid, 0 as ver from {self._numbered(rows, columns)} "
                "cross join lateral (select p.s, p.rid from posting p where p.tenant_id = g.t and p.q = v.q "
                "and p.h = v.h and (p.s, p.rid) < (v.s, v.rid) "
                f"order by p.s desc, p.rid desc limit {self._limit}) p "
                f"order by v.n, p.s desc, p.rid desc limit {self._limit})"
            )

    def _numbered(self, rows: Sequence[Sequence[Any]], columns: Mapping[str, str]) -> str:
        """Rows with their number: the order the planner knows, so that it stops where the limit is full."""
        table = self.arguments.table(rows, "v", columns)
        source, _, _ = table.rpartition(" v(")
        return f"{source} with ordinality v({', '.join(columns)}, n)"
