"""The profiles, security labels and tags that resources of a tenant have, so what can be searched for.

The dictionary of codes says which labels there have ever been, a posting of each which resource still has it, and that
resource how the label is written. Profiles are walked value by value. So the work grows with the number of different
labels, not of resources. https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from resources import exact
from resources.database import Session
from resources.definitions import Definitions
from resources.outcome import TooCostly

from .parameter import LAST, parameter_numbers
from .parameters.string import LONGEST

MOST: Final = 2_000  # different labels or profiles that are looked at, of all types together

# Of the system of a code, not of any system: q up to LAST. A look-up by rid ends in `limit 1`, which is all there is:
# never analyzed, PostgreSQL 15 would expect more and gather them.
_CODES: Final = f"""
select c.name, c.system, c.code, r.meta from (
  select v.name, c.h, c.q, c.system, c.code
  from unnest($2::int2[], $3::int2[], $4::text[]) v(type, number, name)
  cross join lateral (
    select c.h, c.q, c.system, c.code from code c
    where c.tenant_id = g.t and c.rtype = v.type and c.param = v.number and c.q between 0 and {LAST}
    order by c.q, c.code limit $5) c
  limit $5) c
left join lateral (
  select p.rid from posting p where p.tenant_id = g.t and p.q = c.q and p.h = c.h
  order by p.s desc, p.rid desc limit 1) p on true
left join lateral (
  select (r.resource->'meta')::text as meta from resource r
  where r.tenant_id = g.t and r.rid = p.rid and not r.deleted limit 1) r on true"""

# From one value to the next greater one, each by the index.
_PROFILES: Final = """
select u.v, r.meta from (
  select u.v, u.rid from unnest($2::int2[], $3::int2[]) v(type, number)
  cross join lateral (
    with recursive walk as (
      (select u.v, u.rid from uri u where u.tenant_id = g.t and u.rtype = v.type and u.param = v.number
       order by u.v, u.s, u.rid limit 1)
      union all
      select x.v, x.rid from walk w cross join lateral (
        select u.v, u.rid from uri u where u.tenant_id = g.t and u.rtype = v.type and u.param = v.number and u.v > w.v
        order by u.v, u.s, u.rid limit 1) x)
    select w.v, w.rid from walk w limit $4) u
  limit $4) u
cross join lateral (
  select (r.resource->'meta')::text as meta from resource r
  where r.tenant_id = g.t and r.rid = u.rid and not r.deleted limit 1) r"""

QUERIES: Final = {"codes": _CODES, "profiles": _PROFILES}
_CODED: Final = {"_security": "security", "_tag": "tag"}  # search parameter → element of Meta


async def labels(session: Session, definitions: Definitions, resource_types: Iterable[str]) -> dict[str, Any]:
    """A Meta with every profile, security label and tag that current resources of these types have.

    Labels are told apart by system and code, codes without regard to case. Raises TooCostly (403)."""
    types, numbers = [definitions.type_number(one) for one in resource_types], parameter_numbers()
    coded = [(one, numbers[code], name) for one in types for code, name in _CODED.items()]
    rows = await session.select(_CODES, *(list(column) for column in zip(*coded, strict=True)), MOST + 1)
    _refuse(rows, "security labels and tags")
    found: dict[str, dict[Any, Any]] = {"profile": {}, "security": {}, "tag": {}}
    for row in rows:
        for coding in _read(row["meta"]).get(row["name"], ()):
            if coding.get("system", "") == row["system"] and _known(coding) == row["code"]:
                key = row["system"], row["code"]
                found[row["name"]].setdefault(
                    key, {k: v for k, v in coding.items() if k in ("system", "code", "display")}
                )
    uris = [(one, numbers["_profile"]) for one in types]
    rows = await session.select(_PROFILES, *(list(column) for column in zip(*uris, strict=True)), MOST + 1)
    _refuse(rows, "profiles")
    for row in rows:
        found["profile"] |= {profile: profile for profile in _read(row["meta"]).get("profile", ()) if profile}
    return {name: [values[key] for key in sorted(values)] for name, values in found.items() if values}


def _read(meta: str | None) -> Mapping[str, Any]:
    return exact.decode(meta.encode()) if meta else {}


def _known(coding: Mapping[str, Any]) -> str:
    """A code as the dictionary has it."""
    return str(coding.get("code", "")).casefold()[:LONGEST]


def _refuse(rows: Sequence[Any], what: str) -> None:
    if len(rows) > MOST:
        raise TooCostly(f"There are more than {MOST} different {what}; ask type by type, or search for them.")
