"""The plan of every search statement, on 200,000 generated resources, as the application role, under generic plans.

None may scan a table, filter away more than the page needs, or read more pages of the database than a bound that knows
the size of the page and the number of values searched for, and nothing of the number of rows. (Totals read what they count.)
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import orjson
import pytest

from fhir_server import store as registry
from resources.database import Database, Owner, framed
from search import compiler
from search.compiler import CAP, DRIVERS
from search.conditions import Condition, Dates, Exact, Ids, Keys, Missing, Strings, Updated, Uris
from search.densities import Densities
from search.parameter import ANY, WIDE
from search.parameters.tables import Arguments
from search.shapes import Shape, shapes

from ..conftest import Urls

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
drop table made
"""


@pytest.fixture(scope="module")
async def large(urls: Urls, database: Database) -> int:
    """A tenant with 200,000 resources and their index rows; by the owner, under the tenant's own setting."""
    name = f"large{secrets.token_hex(4)}"
    async with Owner.connect(urls.owner) as owner:
        await registry.create_tenant(owner, name)
        [tenant_id] = [row.tenant_id for row in await registry.tenants(database) if row.name == name]
        async with owner.transaction():
            await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant_id))
            for statement in ROWS.format(t=tenant_id).split(";\n"):
                await owner.run(statement)
        for table in ("resource", "posting", "str", "dat", "uri"):
            await owner.run(f"vacuum (analyze) fhir.{table}")
    return tenant_id


@pytest.fixture(scope="module")
async def connection(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        urls.application,
        server_settings={"search_path": "fhir", "plan_cache_mode": "force_generic_plan", "jit": "off"},
    )
    yield connection
    await connection.close()


def conditions() -> list[Condition]:
    """One sparse and one dense condition of every kind that there is."""
    middle = FIRST + OBSERVATIONS // 2 * STEP
    return [
        Keys(((SPARSE, ANY),)),
        Keys(((DENSE, ANY),)),
        Keys(((HALF, ANY), (DENSE, ANY), (SPARSE, 0))),
        Keys(((REFERENCE + 7, -5), (REFERENCE + 8, -5)), rank=1),
        Missing((PRESENT, ANY)),
        Exact(TYPE, 1, (("name 8 8", 8),)),
        Uris(TYPE, 4, ("http://dense",)),
        Uris(TYPE, 4, ("http://sparse", "http://none")),
        Strings(TYPE, 1, (("name 123 ", "name 123!"),)),
        Strings(TYPE, 1, (("dense", "densf"), ("name 9", "name :"))),
        Dates(TYPE, 3, ((middle, middle + 3 * DAY, LOWEST, middle + 3 * DAY),)),
        Dates(TYPE, 3, ((LOWEST, HIGHEST, middle, HIGHEST), (LOWEST, middle, LOWEST, HIGHEST))),
        Dates(
            TYPE,
            -2,
            ((LOWEST, HIGHEST, middle, HIGHEST), (middle, middle + DAY, LOWEST, middle + DAY)),
            primary=PRESENT,
        ),
        Dates(TYPE, -2, ((middle, middle + DAY, LOWEST, middle + DAY),), primary=PRESENT),
        Updated(TYPE, ((1_704_067_200_000_000, 1_704_067_200_000_000 + 900_000_000),)),
        Updated(TYPE, ((1_704_067_200_000_000, HIGHEST),)),
        Ids(TYPE, ((8, "o8"), (9, "o9"))),
    ]


async def explain(
    connection: asyncpg.Connection, tenant_id: int, text: str, arguments: tuple[Any, ...]
) -> dict[str, Any]:
    """The analyzed plan of the framed statement: prepared and executed, so that it is the generic one."""
    await connection.execute(f"prepare shape as {framed(text)}")
    try:
        values = ", ".join(map(literal, (str(tenant_id), *arguments)))
        answer = await connection.fetchval(f"explain (analyze, buffers, format json) execute shape({values})")
    finally:
        await connection.execute("deallocate shape")
    plan: dict[str, Any] = orjson.loads(answer)[0]["Plan"]
    return plan


def literal(value: Any) -> str:
    if isinstance(value, list):
        quoted = ('"' + str(one).replace("\\", "\\\\").replace('"', '\\"') + '"' for one in value)
        return literal("{" + ",".join(quoted) + "}")
    return "'" + str(value).replace("'", "''") + "'"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def faults(plan: dict[str, Any], bound: int, removed: int) -> list[str]:
    """What is wrong with an analyzed plan: bound is of buffers, removed of rows that filters threw away."""
    found = []
    for node in nodes(plan):
        if node["Node Type"] in ("Seq Scan", "Bitmap Heap Scan") and node["Actual Loops"]:
            found.append(f"{node['Node Type']} of {node.get('Relation Name')}")
        gone = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        if node["Node Type"].startswith("Index") and gone > removed:
            found.append(f"{node['Node Type']} of {node['Relation Name']} removed {gone} rows by {node['Filter']}")
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    if buffers > bound:
        found.append(f"{buffers} buffers, {bound} allowed")
    return found


def bound(shape: Shape) -> int:
    """Buffers a statement may touch: for each candidate its index entry and body, and for each value a probe of at most
    four levels and a row. A page needs its own candidates and, where half of them fail a probe, as many again a few times
    over; a seek has up to CAP candidates."""
    candidates = 8 * (shape.limit or 0) + (CAP if shape.sought else 0)
    return 64 + candidates * (3 + 5 * max(shape.values, 1))


async def test_every_shape_is_bounded(connection: asyncpg.Connection, database: Database, large: int) -> None:
    """Law 10, design §3."""
    densities, session = Densities(), database.session(large)
    for condition in filter(lambda one: isinstance(one, DRIVERS), conditions()):
        arguments = Arguments()
        [row] = await session.select(compiler.density(condition, arguments), *arguments.values)
        densities.put(large, condition, row["count"])

    def choose(some: Any) -> tuple[int | None, bool]:
        return densities.choose(large, some)

    found, seen = [], 0
    after = (FIRST + OBSERVATIONS * 3 // 4 * STEP, 0)
    for shape in shapes(TYPE, conditions(), choose, after):
        seen += 1
        plan = await explain(connection, large, shape.text, shape.arguments)
        allowed = bound(shape) if shape.limit is not None else 10**9
        removed = (8 * (shape.limit or 10**9) + (CAP if shape.sought else 0)) * max(shape.values, 1)
        found += [f"{shape.name}: {fault}" for fault in faults(plan, allowed, removed)]
    assert found == []
    assert seen > 700


async def test_bad_shapes_are_caught(connection: asyncpg.Connection, large: int) -> None:
    """A probe of a posting without s still shows as an index condition; a comparison that is not leakproof scans."""
    dense, half = Keys(((DENSE, ANY),)), Keys(((HALF, ANY),))
    arguments = Arguments()
    text = compiler.page(compiler.Plan(TYPE, (dense, half), 0, limit=21), arguments)
    assert faults(await explain(connection, large, text, tuple(arguments.values)), 3_000, 168) == []
    without_s = text.replace("t.s = p.s and ", "")
    assert without_s != text
    assert faults(await explain(connection, large, without_s, tuple(arguments.values)), 3_000, 168)

    lower = "select t.rid from str t where t.tenant_id = g.t and lower(t.v) = 'name 123 123' limit 21"
    assert faults(await explain(connection, large, lower, ()), 10**9, 168)


NOT_LEAKPROOF = """
select i.indexrelid::regclass::text || ' ' || o.oprname as fault from pg_index i
cross join lateral unnest(i.indclass::oid[]) as k(opclass)
join pg_opclass oc on oc.oid = k.opclass
join pg_amop am on am.amopfamily = oc.opcfamily and am.amoplefttype = oc.opcintype and am.amoprighttype = am.amoplefttype
join pg_operator o on o.oid = am.amopopr
join pg_proc p on p.oid = o.oprcode
where i.indrelid in (select oid from pg_class where relrowsecurity) and not p.proleakproof"""


async def test_every_index_is_of_leakproof_operators(connection: asyncpg.Connection) -> None:
    """Design §3: under row level security no other is used."""
    assert [row["fault"] for row in await connection.fetch(NOT_LEAKPROOF)] == []
