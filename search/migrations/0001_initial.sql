-- The search index. Every table is of a tenant, under forced row level security, and every index serves comparisons of
-- int, float8 and text only: those are leakproof, so that an index is used under the policies at all.
-- s is the primary clinical date of the resource (µs since 1970, the lowest int8 without one), rid the resource.

-- Tokens, references and presence: all resources of a value lie together, in the order of their date.
create table fhir.posting (
  tenant_id int4 not null,
  q int4 not null,                              -- token: the system; 0 none, 2147483647 any; reference: -(type, parameter)
  h int8 not null,                              -- token: hash of (type, parameter, code); reference: hash of the target
  s int8 not null,
  rid int8 not null
);
-- Always asked for with both h and q; in this order an entry needs no padding.
create unique index posting_key on fhir.posting (tenant_id, q, h, s, rid);

create table fhir.str (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,
  v text collate "C" not null,                  -- normalised: without case, accents, punctuation
  x int8 not null,                              -- hash of the text as sent; 0 where v is only a part of one
  s int8 not null,
  rid int8 not null
);
create index str_value on fhir.str (tenant_id, rtype, param, v, x, s, rid);
create index str_resource on fhir.str (tenant_id, rid, param);

create table fhir.dat (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,                          -- negative: the primary date, which is found by s and only checked here
  lo int8 not null,                             -- first µs of the range; the lowest int8 is an open beginning
  hi int8 not null,                             -- first µs after it; the highest int8 is an open end
  s int8 not null,
  rid int8 not null
);
create index dat_lo on fhir.dat (tenant_id, rtype, param, lo, hi, s, rid) where param > 0;
create index dat_hi on fhir.dat (tenant_id, rtype, param, hi, lo, s, rid) where param > 0;
create index dat_resource on fhir.dat (tenant_id, rid, param, lo, hi);

create table fhir.qty (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,
  lo float8 not null,                           -- as given; -Infinity and Infinity are open
  hi float8 not null,
  system int4 not null,                         -- hash of the unit's system, of its code, of its text; 0 none
  code int4 not null,
  unit int4 not null,
  s int8 not null,
  rid int8 not null
);
create index qty_resource on fhir.qty (tenant_id, rid, param);

create table fhir.uri (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,
  v text collate "C" not null,
  s int8 not null,
  rid int8 not null
);
create index uri_value on fhir.uri (tenant_id, rtype, param, v, s, rid);
create index uri_resource on fhir.uri (tenant_id, rid, param);

do $$
declare name text;
begin
  foreach name in array '{posting,str,dat,qty,uri}'::text[] loop
    execute format('alter table fhir.%I enable row level security', name);
    execute format('alter table fhir.%I force row level security', name);
    execute format('create policy tenant on fhir.%I
      using (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::int4))
      with check (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::int4))', name);
    -- Index-only scans need the visibility map.
    execute format('alter table fhir.%I set (autovacuum_vacuum_insert_scale_factor = 0.02)', name);
  end loop;
end $$;

-- Writes the index rows of all changes of a request. It runs after resource_write, which has set the tenant and says in
-- w what became of each change. Each array of rows comes with the ordinal of its change (…_n).
create function fhir.index_write(
  t int4, w fhir.written[],
  posting_n int4[], posting_h int8[], posting_q int4[],
  str_n int4[], str_param int2[], str_v text[], str_x int8[],
  dat_n int4[], dat_param int2[], dat_lo int8[], dat_hi int8[],
  qty_n int4[], qty_param int2[], qty_lo float8[], qty_hi float8[], qty_system int4[], qty_code int4[], qty_unit int4[],
  uri_n int4[], uri_param int2[], uri_v text[]
) returns fhir.written[] language plpgsql set search_path = pg_catalog as $$
declare
  changed_ int8[] := array(select x.rid from unnest(w) x where x.outcome in ('U', 'D'));
  due_ int8;
  done_ int8;
begin
  if cardinality(changed_) > 0 then
    -- Postings have no index by resource: their keys were kept with it. Those that stay as they are are left alone.
    with gone as materialized (
      select x.rid, x.old_s, k.h, k.q
      from unnest(w) x
      cross join lateral (
        select x.old_keys[i] as h, x.old_keys[i + 1]::int4 as q from generate_series(1, cardinality(x.old_keys), 2) i) k
      left join unnest(posting_n, posting_h, posting_q) v(n, h, q)
        on v.n = x.n and v.h = k.h and v.q = k.q and x.outcome = 'U' and x.s = x.old_s
      where x.outcome in ('U', 'D') and v.n is null),
    place as materialized (
      select p.ctid from gone
      cross join lateral (
        select p.ctid from fhir.posting p
        where p.tenant_id = t and p.h = gone.h and p.q = gone.q and p.s = gone.old_s and p.rid = gone.rid offset 0) p),
    deleted as (
      delete from fhir.posting where ctid = any(array(select place.ctid from place)) returning 1)
    select (select count(*) from gone), (select count(*) from deleted) into due_, done_;
    if done_ <> due_ then
      raise exception 'index rows of a resource were not found';
    end if;
    delete from fhir.str where tenant_id = t and rid = any(changed_);
    delete from fhir.dat where tenant_id = t and rid = any(changed_);
    delete from fhir.qty where tenant_id = t and rid = any(changed_);
    delete from fhir.uri where tenant_id = t and rid = any(changed_);
  end if;

  if cardinality(posting_n) > 0 then
    insert into fhir.posting (tenant_id, q, h, s, rid)
    select t, v.q, v.h, x.s, x.rid
    from unnest(w) x join unnest(posting_n, posting_h, posting_q) v(n, h, q) on v.n = x.n
    where x.outcome = 'C';
    if cardinality(changed_) > 0 then
      insert into fhir.posting (tenant_id, q, h, s, rid)
      select t, v.q, v.h, x.s, x.rid
      from unnest(w) x join unnest(posting_n, posting_h, posting_q) v(n, h, q) on v.n = x.n
      where x.outcome = 'U'
      on conflict do nothing;
    end if;
  end if;
  if cardinality(str_n) > 0 then
    insert into fhir.str (tenant_id, rtype, param, v, x, s, rid)
    select t, x.rtype, v.param, v.v, v.x, x.s, x.rid
    from unnest(w) x join unnest(str_n, str_param, str_v, str_x) v(n, param, v, x) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(dat_n) > 0 then
    insert into fhir.dat (tenant_id, rtype, param, lo, hi, s, rid)
    select t, x.rtype, v.param, v.lo, v.hi, x.s, x.rid
    from unnest(w) x join unnest(dat_n, dat_param, dat_lo, dat_hi) v(n, param, lo, hi) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(qty_n) > 0 then
    insert into fhir.qty (tenant_id, rtype, param, lo, hi, system, code, unit, s, rid)
    select t, x.rtype, v.param, v.lo, v.hi, v.system, v.code, v.unit, x.s, x.rid
    from unnest(w) x
    join unnest(qty_n, qty_param, qty_lo, qty_hi, qty_system, qty_code, qty_unit) v(n, param, lo, hi, system, code, unit)
      on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(uri_n) > 0 then
    insert into fhir.uri (tenant_id, rtype, param, v, s, rid)
    select t, x.rtype, v.param, v.v, x.s, x.rid
    from unnest(w) x join unnest(uri_n, uri_param, uri_v) v(n, param, v) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  return w;
end $$;
