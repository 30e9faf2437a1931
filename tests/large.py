"""A tenant with 200,000 generated resources and their index rows: sparse and dense values, dates near and wide."""

from __future__ import annotations

import secrets

from fhir_server import store as registry
from resources.database import Owner
from search.parameter import ANY, WIDE

OBSERVATIONS = 160_000
OTHERS = 40_000
TYPE, OTHER_TYPE = 7, 8
DAY = 86_400_000_000
STEP = DAY // 32  # between the dates of two Observations: 13.7 years in all
FIRST = 1_262_304_000_000_000  # 2010-01-01
LOWEST, HIGHEST = -(2**63), 2**63 - 1

# Value n of the generated rows stands for: how many Observations have it.
DENSE, HALF, SPARSE, REFERENCE, PRESENT = 1, 2, 3, 100_000, 4

ROWS = f"""
create temporary table made as
select i, nextval('fhir.rid') as rid, i % 100 = 0 as undated, i % 50 = 1 as wide,
  case when i % 100 = 0 then {LOWEST} else {FIRST} + (i * 7919::int8 % {OBSERVATIONS}) * {STEP} end as s
from generate_series(1, {OBSERVATIONS}) i;
insert into fhir.resource (tenant_id, rtype, ver, rid, skey, s, lu, xid, epoch, deleted, op, id, keys, resource)
select {{t}}, {TYPE}, 1, rid, i, s, timestamptz '2024-01-01' + i * interval '10 s', 1, 1, false, 'U', 'o' || i, '{{{{}}}}',
  jsonb_build_object('resourceType', 'Observation', 'id', 'o' || i, 'note', repeat('x', 300)) from made;
insert into fhir.resource (tenant_id, rtype, ver, rid, skey, s, lu, xid, epoch, deleted, op, id, keys, resource)
select {{t}}, {OTHER_TYPE}, 1, nextval('fhir.rid'), -i, {LOWEST}, timestamptz '2024-01-01', 1, 1, false, 'U', 'p' || i, '{{{{}}}}',
  '{{{{"resourceType": "Patient"}}}}' from generate_series(1, {OTHERS}) i;
insert into fhir.posting (tenant_id, h, q, s, rid)
select {{t}}, h, q, s, rid from made cross join lateral (
  select {DENSE}, {ANY} where i % 10 < 7 union all
  select {HALF}, {ANY} where i % 2 = 0 union all
  select {SPARSE}, {ANY} where i % 4000 = 8 union all
  select {PRESENT}, {ANY} where i % 5 > 0 union all
  select {PRESENT}, {WIDE} + case when i % 4000 = 1 then 17 else 2 end where wide union all
  select {REFERENCE} + i % 8000, -5) v(h, q);
insert into fhir.str (tenant_id, rtype, param, v, x, s, rid)
select {{t}}, {TYPE}, 1, case when i % 3 = 0 then 'dense ' else 'name ' || i % 7000 || ' ' end || i, i % 10, s, rid from made;
insert into fhir.dat (tenant_id, rtype, param, lo, hi, s, rid)
select {{t}}, {TYPE}, -2, s,
  case when i % 4000 = 1 then {HIGHEST} when wide then s + 3 * {DAY} else s + 1000000 end, s, rid from made where not undated
union all select {{t}}, {TYPE}, 3, {FIRST} + i * {STEP}::int8, {FIRST} + i * {STEP}::int8 + {DAY}, s, rid from made;
insert into fhir.uri (tenant_id, rtype, param, v, s, rid)
select {{t}}, {TYPE}, 4, case when i % 4000 = 8 then 'http://sparse' else 'http://dense' end, s, rid from made;
insert into fhir.resource_version (tenant_id, rid, ver, rtype, lu, xid, epoch, op, id, resource)
select {{t}}, rid, v, {TYPE}, timestamptz '2023-01-01' + (i * 20 + v) * interval '1 s', 1, 1, 'U', 'o' || i,
  jsonb_build_object('resourceType', 'Observation', 'id', 'o' || i) from made cross join generate_series(1, 20) v
where i % 160 = 0;
drop table made
"""


async def make(owner: Owner) -> int:
    """Makes the tenant, as the owner under the tenant's own setting, and returns its number. Nothing is analyzed."""
    name = f"large{secrets.token_hex(4)}"
    await registry.create_tenant(owner, name)
    [tenant_id] = [row.tenant_id for row in await registry.tenants_seen_by_owner(owner) if row.name == name]
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant_id))
        for statement in ROWS.format(t=tenant_id).split(";\n"):
            await owner.run(statement)
    return tenant_id


async def analyze(owner: Owner) -> None:
    for table in ("resource", "resource_version", "posting", "str", "dat", "uri"):
        await owner.run(f"vacuum (analyze) fhir.{table}")
