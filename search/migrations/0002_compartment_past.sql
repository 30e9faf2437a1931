-- The compartments a resource was in and is in no more: what the record of a patient was at an instant is found among what
-- is in the compartment now and what has left it since. Append only; a row is written where a compartment row is taken away.
create table fhir.compartment_past (
  tenant_id int4 not null,
  ckey int8 not null,
  rtype int2 not null,
  rid int8 not null,
  until timestamptz not null,                   -- meta.lastUpdated of the version that left it, or of the deletion
  primary key (tenant_id, ckey, until, rid)
);

alter table fhir.compartment_past enable row level security;
alter table fhir.compartment_past force row level security;
create policy tenant on fhir.compartment_past
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
alter table fhir.compartment_past set (autovacuum_vacuum_insert_scale_factor = 0.02);

-- Writes the index rows of all changes of a request. It runs after resource_write, which has set the tenant and says in
-- w what became of each change. Each array of rows comes with the ordinal of its change (…_n). A contained resource has
-- an ordinal of its own (contained_m), which its rows in the other arrays carry. Codes come in the order of their key.
-- FH409: two coded values have the same hash.
create or replace function fhir.index_write(
  t int4, w fhir.written[],
  posting_n int4[], posting_h int8[], posting_q int4[],
  str_n int4[], str_param int2[], str_v text[],
  dat_n int4[], dat_param int2[], dat_lo int8[], dat_hi int8[],
  qty_n int4[], qty_param int2[], qty_k int8[], qty_q int4[], qty_lo text[], qty_hi text[],
  qty_system int4[], qty_code int4[], qty_unit int4[], qty_u int4[], qty_clo text[], qty_chi text[],
  uri_n int4[], uri_param int2[], uri_v text[],
  geo_n int4[], geo_param int2[], geo_lat float8[], geo_lon float8[],
  compartment_n int4[], compartment_ckey int8[],
  contained_n int4[], contained_m int4[], contained_rtype int2[], contained_skey int8[], contained_id text[],
  contained_s int8[], contained_keys text[],
  code_rtype int2[], code_param int2[], code_h int8[], code_q int4[], code_system text[], code_code text[]
) returns fhir.written[] language plpgsql set search_path = pg_catalog as $$
declare
  changed_ int8[] := array(select x.rid from unnest(w) x where x.outcome in ('U', 'D'));
  all_ fhir.written[] := w;                     -- the changes and, like changes, the contained resources
  inside_ fhir.written[];
  due_ int8;
  done_ int8;
begin
  if cardinality(changed_) > 0 then
    -- Contained resources go with their container, and come again with its new version.
    select array_agg(row(null, c.rid, c.rtype, null, null, null, c.s, c.keys, 'D')::fhir.written) into inside_
    from unnest(changed_) x(rid)
    cross join lateral (
      select c.* from fhir.contained c where c.tenant_id = t and c.container = x.rid offset 0) c;
    if inside_ is not null then
      delete from fhir.contained where ctid = any(array(
        select d.ctid from unnest(inside_) x
        cross join lateral (select d.ctid from fhir.contained d where d.tenant_id = t and d.rid = x.rid offset 0) d));
      all_ := all_ || inside_;
      changed_ := changed_ || array(select x.rid from unnest(inside_) x);
    end if;
    -- Postings have no index by resource: their keys were kept with it. Those that stay as they are are left alone.
    with gone as materialized (
      select x.rid, x.old_s, k.h, k.q
      from unnest(all_) x
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
    -- Who indexes anew (no instant, lu) may do so because rows are missing.
    if done_ <> due_ and exists (select from unnest(w) x where x.outcome in ('U', 'D') and x.lu is not null) then
      raise exception 'index rows of a resource were not found';
    end if;
    -- Resource by resource: of `rid = any(…)` the planner may think any index as good, before the first analyze.
    delete from fhir.str where ctid = any(array(
      select d.ctid from unnest(changed_) x(rid)
      cross join lateral (select d.ctid from fhir.str d where d.tenant_id = t and d.rid = x.rid offset 0) d));
    delete from fhir.dat where ctid = any(array(
      select d.ctid from unnest(changed_) x(rid)
      cross join lateral (select d.ctid from fhir.dat d where d.tenant_id = t and d.rid = x.rid offset 0) d));
    delete from fhir.qty where ctid = any(array(
      select d.ctid from unnest(changed_) x(rid)
      cross join lateral (select d.ctid from fhir.qty d where d.tenant_id = t and d.rid = x.rid offset 0) d));
    delete from fhir.uri where ctid = any(array(
      select d.ctid from unnest(changed_) x(rid)
      cross join lateral (select d.ctid from fhir.uri d where d.tenant_id = t and d.rid = x.rid offset 0) d));
    delete from fhir.geo where ctid = any(array(
      select d.ctid from unnest(changed_) x(rid)
      cross join lateral (select d.ctid from fhir.geo d where d.tenant_id = t and d.rid = x.rid offset 0) d));
    -- What a write takes out of a compartment was in it until now; who indexes anew (no instant, lu) moves nothing.
    with held as materialized (
      select x.n, x.outcome, x.lu, x.rid, d.ctid as place, d.ckey, d.rtype from unnest(w) x
      cross join lateral (
        select d.ctid, d.ckey, d.rtype from fhir.compartment d where d.tenant_id = t and d.rid = x.rid offset 0) d
      where x.outcome in ('U', 'D')),
    departed as (
      insert into fhir.compartment_past (tenant_id, ckey, rtype, rid, until)
      select t, h.ckey, h.rtype, h.rid, h.lu from held h
      left join unnest(compartment_n, compartment_ckey) v(n, ckey) on v.n = h.n and v.ckey = h.ckey and h.outcome = 'U'
      where h.lu is not null and v.n is null)
    delete from fhir.compartment where ctid = any(array(select held.place from held));
  end if;

  if cardinality(contained_n) > 0 then
    select array_agg(row(v.m, nextval('fhir.rid'), v.rtype, null, null, v.s, null, null, 'C')::fhir.written)
    into inside_
    from unnest(w) x
    join unnest(contained_n, contained_m, contained_rtype, contained_s) v(n, m, rtype, s) on v.n = x.n
    where x.outcome in ('C', 'U');
    insert into fhir.contained (tenant_id, rid, container, rtype, skey, s, id, keys)
    select t, i.rid, x.rid, i.rtype, v.skey, i.s, v.id, v.keys::int8[]
    from unnest(inside_) i
    join unnest(contained_n, contained_m, contained_skey, contained_id, contained_keys) v(n, m, skey, id, keys)
      on v.m = i.n
    join unnest(w) x on x.n = v.n;
    all_ := all_ || inside_;
  end if;

  if cardinality(posting_n) > 0 then
    insert into fhir.posting (tenant_id, q, h, s, rid)
    select t, v.q, v.h, x.s, x.rid
    from unnest(all_) x join unnest(posting_n, posting_h, posting_q) v(n, h, q) on v.n = x.n
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
    insert into fhir.str (tenant_id, rtype, param, v, s, rid)
    select t, x.rtype, v.param, v.v, x.s, x.rid
    from unnest(all_) x join unnest(str_n, str_param, str_v) v(n, param, v) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(dat_n) > 0 then
    insert into fhir.dat (tenant_id, rtype, param, lo, hi, s, rid)
    select t, x.rtype, v.param, v.lo, v.hi, x.s, x.rid
    from unnest(all_) x join unnest(dat_n, dat_param, dat_lo, dat_hi) v(n, param, lo, hi) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(qty_n) > 0 then
    insert into fhir.qty (tenant_id, rtype, param, k, q, lo, hi, system, code, unit, u, clo, chi, s, rid)
    select t, x.rtype, v.param, v.k, v.q, v.lo, v.hi, v.system, v.code, v.unit, v.u, v.clo, v.chi, x.s, x.rid
    from unnest(all_) x
    join unnest(qty_n, qty_param, qty_k, qty_q, qty_lo, qty_hi, qty_system, qty_code, qty_unit, qty_u, qty_clo, qty_chi)
      v(n, param, k, q, lo, hi, system, code, unit, u, clo, chi) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(uri_n) > 0 then
    insert into fhir.uri (tenant_id, rtype, param, v, s, rid)
    select t, x.rtype, v.param, v.v, x.s, x.rid
    from unnest(all_) x join unnest(uri_n, uri_param, uri_v) v(n, param, v) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(geo_n) > 0 then
    insert into fhir.geo (tenant_id, rtype, param, lat, lon, s, rid)
    select t, x.rtype, v.param, v.lat, v.lon, x.s, x.rid
    from unnest(all_) x join unnest(geo_n, geo_param, geo_lat, geo_lon) v(n, param, lat, lon) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;
  if cardinality(compartment_n) > 0 then
    insert into fhir.compartment (tenant_id, ckey, rtype, s, rid)
    select t, v.ckey, x.rtype, x.s, x.rid
    from unnest(w) x join unnest(compartment_n, compartment_ckey) v(n, ckey) on v.n = x.n
    where x.outcome in ('C', 'U');
  end if;

  if cardinality(code_h) > 0 then
    insert into fhir.code (tenant_id, rtype, param, h, q, system, code)
    select t, v.rtype, v.param, v.h, v.q, v.system, v.code
    from unnest(code_rtype, code_param, code_h, code_q, code_system, code_code) v(rtype, param, h, q, system, code)
    on conflict do nothing;
    get diagnostics done_ = row_count;
    if done_ < cardinality(code_h) and exists (
      select from unnest(code_rtype, code_param, code_h, code_q, code_system, code_code)
        v(rtype, param, h, q, system, code)
      cross join lateral (
        select c.system, c.code from fhir.code c
        -- + 0: by its key. While the table is small the order of the codes seems as good, and would be walked later on.
        where c.tenant_id = t and c.h = v.h and c.q = v.q and c.rtype + 0 = v.rtype and c.param + 0 = v.param offset 0) c
      where c.system <> v.system or c.code <> v.code)
    then
      raise sqlstate 'FH409' using message = 'two coded values have the same hash';
    end if;
  end if;
  return w;
end $$;
