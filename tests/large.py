"""A tenant with 200,000 generated resources and their index rows: sparse and dense values, dates near and wide.

Observations point to Patients, who point to the first hundred of them; some Observations contain a Medication.
"""

from __future__ import annotations

import secrets

from fhir_server import store as registry
from resources.database import Owner
from search.indexer import FLOOR
from search.parameter import ANY, CELL, EARLIER, LATER, TEXT, TRIGRAM, WIDE

OBSERVATIONS = 160_000
OTHERS = 40_000  # Patients
TYPE, OTHER_TYPE, CONTAINED_TYPE = 7, 8, -9
DAY = 86_400_000_000
STEP = DAY // 32  # between the dates of two Observations: 13.7 years in all
FIRST = 1_262_304_000_000_000  # 2010-01-01
LOWEST, HIGHEST = -(2**63), 2**63 - 1

# Numbers of the Observations' parameters; the primary date has 2.
STRING, DATE, URI, QUANTITY, COMPOSITE, POSITION, CODE = 1, 3, 4, 5, 6, 7, 8

# h of postings with q ANY. Value n of the generated rows stands for: how many Observations have it.
DENSE, HALF, SPARSE, PRESENT = 1, 2, 3, 4
OTHER_DENSE, OTHER_SPARSE = 5, 6  # 20,000 and 10 of the Patients
INSIDE_DENSE, INSIDE_SPARSE = 9, 10  # 1,600 and 40 of the contained resources

# q of references: to REFERENCE + 0 … 7999, which are not stored; to the Patient p1 + i % 40,000, whose h is -1 - i % 40,000;
# of a Patient to one of the first hundred; to the contained resource INSIDE + i.
REFERENCE, POINTING, OTHER_POINTING, INSIDE_POINTING = 100_000, -5, -6, -7
LONELY = -8  # q of references by which each Observation has one only, to REFERENCE + 0 … 7999
INSIDE = 500_000_000

CELLS = 200_000  # + 0 … 999: the cells of the positions, 40 in each
FRAGMENTS = 300_000  # + 0 … 6999: a trigram of "name n …"; - 1 one of "dense …"
CODES = 600_000  # + 0 … 1999: "c0000" …, 72 of each; - 1 "aaa", which half of them have; CODED: they have any
TEXTS = 700_000  # + 0 … 1999: a text of them
CODED = 598_000
SYSTEM = 11  # q of the codes' system
K_DENSE, K_SPARSE = 77, 78  # k of the composites
UNIT, CANONICAL = 14, 15  # unit and u of the quantities


def number(n: int) -> str:
    """What stands for a number from 0 in the generated rows; it sorts like one."""
    return f"n{n:06}"


_N = "'n' || lpad(({})::text, 6, '0')"

ROWS = f"""
create temporary table made as
select i, nextval('fhir.rid') as rid, i % 100 = 0 as undated, i % 50 = 1 as wide, i % 2000 as n, i / 4 % 1000 as cell,
  case when i % 100 = 0 then {LOWEST} else {FIRST} + (i * 7919::int8 % {OBSERVATIONS}) * {STEP} end as s
from generate_series(1, {OBSERVATIONS}) i;
create temporary table others as select i, nextval('fhir.rid') as rid from generate_series(1, {OTHERS}) i;
create temporary table inside as select i, rid as container, nextval('fhir.rid') as rid from made where i % 100 = 0;
insert into fhir.resource (tenant_id, rtype, ver, rid, skey, s, lu, xid, epoch, deleted, op, id, keys, resource)
select {{t}}, {TYPE}, case when i % 160 = 0 then 21 else 1 end, rid, i, s,
  timestamptz '2024-01-01' + i * interval '10 s', 1, 1, false, 'U', 'o' || i, '{{{{}}}}',
  jsonb_build_object('resourceType', 'Observation', 'id', 'o' || i, 'note', repeat('x', 300)) from made;
insert into fhir.resource (tenant_id, rtype, ver, rid, skey, s, lu, xid, epoch, deleted, op, id, keys, resource)
select {{t}}, {OTHER_TYPE}, 1, rid, -i, {LOWEST}, timestamptz '2024-01-01', 1, 1, false, 'U', 'p' || i, '{{{{}}}}',
  '{{{{"resourceType": "Patient"}}}}' from others;
insert into fhir.contained (tenant_id, rid, container, rtype, skey, s, id, keys)
select {{t}}, rid, container, {CONTAINED_TYPE}, {INSIDE} + i, {LOWEST}, 'm1', '{{{{}}}}' from inside;
insert into fhir.posting (tenant_id, h, q, s, rid)
select {{t}}, h, q, s, rid from made cross join lateral (
  select {DENSE}, {ANY} where i % 10 < 7 union all
  select {HALF}, {ANY} where i % 2 = 0 union all
  select {SPARSE}, {ANY} where i % 4000 = 8 union all
  select {PRESENT}, {ANY} where i % 5 > 0 union all
  select {PRESENT}, {WIDE} + case when i % 4000 = 1 then 17 else 2 end where wide union all
  select {REFERENCE} + i % 8000, {POINTING} union all
  select {REFERENCE} + i * 31 % 8000, {LONELY} union all
  select -(1 + i % {OTHERS}), {POINTING} union all
  select {INSIDE} + i, {INSIDE_POINTING} where i % 100 = 0 union all
  select {CELLS} + cell, {CELL} where i % 4 = 0 union all
  select {FRAGMENTS} + case when i % 3 = 0 then -1 else i % 7000 end, {TRIGRAM} union all
  select {CODES} + n, unnest(array[{ANY}, {SYSTEM}]) where i % 10 < 9 union all
  select {CODES} - 1, unnest(array[{ANY}, {SYSTEM}, {EARLIER}]) where i % 10 < 9 and i % 2 = 0 union all
  select {CODES} + n, {LATER} where i % 10 < 9 and i % 2 = 0 union all
  select {TEXTS} + n, {TEXT} where i % 10 = 8 union all
  select {CODED}, {ANY} where i % 10 < 9) v(h, q);
insert into fhir.posting (tenant_id, h, q, s, rid)
select {{t}}, h, q, {LOWEST}, rid from others cross join lateral (
  select {OTHER_DENSE}, {ANY} where i / 7 % 2 = 0 union all
  select {OTHER_SPARSE}, {ANY} where i % 4000 = 9 union all
  select -(1 + i % 100), {OTHER_POINTING}) v(h, q);
insert into fhir.posting (tenant_id, h, q, s, rid)
select {{t}}, h, q, {LOWEST}, rid from inside cross join lateral (
  select {INSIDE_DENSE}, {ANY} union all
  select {INSIDE_SPARSE}, {ANY} where i % 4000 = 0) v(h, q);
insert into fhir.str (tenant_id, rtype, param, v, s, rid)
select {{t}}, {TYPE}, {STRING}, case when i % 3 = 0 then 'dense ' else 'name ' || i % 7000 || ' ' end || i, s, rid from made
union all select {{t}}, {TYPE}, {STRING}, 'zzz ' || i, s, rid from made where i % 16 = 0
union all select {{t}}, {OTHER_TYPE}, {STRING}, case when i % 2 = 0 then 'smith ' || i else 'family ' || i % 4000 end, {LOWEST}, rid
from others
union all select {{t}}, {CONTAINED_TYPE}, {STRING}, 'drug ' || i, {LOWEST}, rid from inside;
insert into fhir.dat (tenant_id, rtype, param, lo, hi, s, rid)
select {{t}}, {TYPE}, -2, s,
  case when i % 4000 = 1 then {HIGHEST} when wide then s + 3 * {DAY} else s + 1000000 end, s, rid from made where not undated
union all select {{t}}, {TYPE}, {DATE}, {FIRST} + i * {STEP}::int8, {FIRST} + i * {STEP}::int8 + {DAY}, s, rid from made;
insert into fhir.qty (tenant_id, rtype, param, k, q, lo, hi, system, code, unit, u, clo, chi, s, rid)
select {{t}}, {TYPE}, {QUANTITY}, 0, 0, v, v || '!', {SYSTEM}, 12 + i % 2, {UNIT}, {CANONICAL}, c, c || '!', s, rid
from made cross join lateral (select {_N.format("i % 1000")}, {_N.format("i % 1000 * 2")}) x(v, c)
union all select {{t}}, {TYPE}, {COMPOSITE}, case when i % 4000 = 8 then {K_SPARSE} else {K_DENSE} end, {SYSTEM},
  v, v || '!', {SYSTEM}, 12, {UNIT}, {CANONICAL}, v, v || '!', s, rid
from made cross join lateral (select {_N.format("i % 1000")}) x(v);
insert into fhir.uri (tenant_id, rtype, param, v, s, rid)
select {{t}}, {TYPE}, {URI}, case when i % 4000 = 8 then 'http://sparse' else 'http://dense' end, s, rid from made;
insert into fhir.geo (tenant_id, rtype, param, lat, lon, s, rid)
select {{t}}, {TYPE}, {POSITION}, cell % 100 * 0.5 + i * 1e-6, cell / 100 + i * 1e-6, s, rid from made where i % 4 = 0;
insert into fhir.compartment (tenant_id, ckey, rtype, s, rid)
select {{t}}, -(1 + i % {OTHERS}), {TYPE}, s, rid from made
union all select {{t}}, 1, {TYPE}, s, rid from made where i % 2 = 0
union all select {{t}}, -i, {OTHER_TYPE}, {LOWEST}, rid from others;
insert into fhir.compartment_past (tenant_id, ckey, rtype, rid, until)
select {{t}}, 1, {TYPE}, rid, timestamptz '2024-01-01' + i * interval '10 s' from made where i % 20 = 1
union all select {{t}}, -8, {TYPE}, rid, timestamptz '2024-01-01' + i * interval '10 s' from made where i % 8000 = 9;
insert into fhir.code (tenant_id, rtype, param, h, q, system, code)
select {{t}}, {TYPE}, {CODE}, {CODES} + n, q, case when q = {SYSTEM} then 'http://codes' else '' end,
  case when n < 0 then 'aaa' else 'c' || lpad(n::text, 4, '0') end
from generate_series(-1, 1999) n cross join unnest(array[{ANY}, {SYSTEM}]) q
union all select {{t}}, {TYPE}, {CODE}, {TEXTS} + n, {TEXT}, '', 'text ' || n from generate_series(0, 1999) n where n % 10 = 8;
insert into fhir.resource_version (tenant_id, rid, ver, rtype, lu, xid, epoch, op, id, resource)
select {{t}}, rid, v, {TYPE}, timestamptz '2023-01-01' + (i * 20 + v) * interval '1 s', 1, 1, 'U', 'o' || i,
  jsonb_build_object('resourceType', 'Observation', 'id', 'o' || i) from made cross join generate_series(1, 20) v
where i % 160 = 0;
drop table made, others, inside
"""

TABLES = ("resource", "resource_version", "compartment_past", *(table.name for table in FLOOR.tables))


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
    for table in TABLES:
        await owner.run(f"vacuum (analyze) fhir.{table}")
