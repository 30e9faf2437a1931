-- The search index. Every table is of a tenant, under forced row level security, and every index serves comparisons of
-- int, float8 and text only: those are leakproof, so that an index is used under the policies at all.
-- s is the primary clinical date of the resource (µs since 1970, the lowest int8 without one), rid the resource.

-- Tokens, references and presence: all resources of a value lie together, in the order of their date.
create table fhir.posting (
  tenant_id int4 not null,
  -- Of a token its system, 0 none; of special postings what search/parameter.py lists (any system, a trigram, a word …);
  -- of a reference -(type, parameter).
  q int4 not null,
  h int8 not null,                              -- token: hash of (type, parameter, code); reference: hash of the target
  s int8 not null,
  rid int8 not null
);
-- Always asked for with both h and q; in this order an entry needs no padding.
create unique index posting_key on fhir.posting (tenant_id, q, h, s, rid);
-- What a resource points to: the way of chains.
create index posting_forward on fhir.posting (tenant_id, rid, q, h) where q < 0;

create table fhir.str (
  tenant_id int4 not null,
  rtype int2 not null,                          -- of a contained resource the number of its type below zero
  param int2 not null,
  v text collate "C" not null,                  -- normalised: without case, accents, punctuation; of a composite a hash of its token before it
  s int8 not null,
  rid int8 not null
);
create index str_value on fhir.str (tenant_id, rtype, param, v, s, rid);
create index str_resource on fhir.str (tenant_id, rid, param, v);

create table fhir.dat (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,                          -- negative: the primary date, which is found by s and only checked here
  lo int8 not null,                             -- first µs of the range; the lowest int8 is an open beginning
  hi int8 not null,                             -- first µs after it; the highest int8 is an open end
  s int8 not null,
  rid int8 not null
);
create index dat_lo on fhir.dat (tenant_id, rtype, param, lo, s, rid) include (hi) where param > 0;
create index dat_hi on fhir.dat (tenant_id, rtype, param, hi, lo, s, rid) where param > 0;
create index dat_resource on fhir.dat (tenant_id, rid, param, lo, hi);

-- Numbers, quantities, and composites of a token and a range. Numbers are sortable texts, exact to the last digit
-- (search/parameters/decimals.py): a comparison of numeric is not leakproof, and a float is not exact.
create table fhir.qty (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,
  k int8 not null,                              -- of a composite: hash of its code; else 0
  q int4 not null,                              -- of a composite: hash of its code's system; else 0
  lo text collate "C" not null,                 -- as given, from lo to before hi
  hi text collate "C" not null,
  system int4 not null,                         -- hash of the unit's system, of its code, of its text; 0 none
  code int4 not null,
  unit int4 not null,
  u int4 not null,                              -- hash of the canonical unit, or of system and code; 0 none
  clo text collate "C" not null,                -- in that unit, or as lo; of a composite of two numbers the second one
  chi text collate "C" not null,
  wide bool not null generated always as (hi <> lo || '!') stored,  -- a range, or of an open end; else one number
  s int8 not null,
  rid int8 not null
);
-- One number is found by lo alone. Ranges are few: they are found by the end of which a search gives a bound.
create index qty_value on fhir.qty (tenant_id, rtype, param, k, lo, s, rid) where not wide;
create index qty_value_lo on fhir.qty (tenant_id, rtype, param, k, lo, hi, s, rid) where wide;
create index qty_value_hi on fhir.qty (tenant_id, rtype, param, k, hi, lo, s, rid) where wide;
create index qty_amount on fhir.qty (tenant_id, rtype, param, k, u, clo, s, rid) where not wide;
create index qty_amount_lo on fhir.qty (tenant_id, rtype, param, k, u, clo, chi, s, rid) where wide;
create index qty_amount_hi on fhir.qty (tenant_id, rtype, param, k, u, chi, clo, s, rid) where wide;
create index qty_resource on fhir.qty (tenant_id, rid, param);

-- Positions; found by the postings of their cells, checked here.
create table fhir.geo (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,
  lat float8 not null,                          -- degrees
  lon float8 not null,
  s int8 not null,
  rid int8 not null
);
create index geo_resource on fhir.geo (tenant_id, rid, param);

-- The compartments a resource is in.
create table fhir.compartment (
  tenant_id int4 not null,
  ckey int8 not null,                           -- hash of (type, id) of the resource whose compartment it is
  rtype int2 not null,                          -- type of the resource that is inside
  s int8 not null,
  rid int8 not null
);
create unique index compartment_key on fhir.compartment (tenant_id, ckey, rtype, s, rid);
create index compartment_resource on fhir.compartment (tenant_id, rid, ckey);

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

-- Contained resources: each has index rows of its own, under its own rid, and is found with its container.
create table fhir.contained (
  tenant_id int4 not null,
  rid int8 not null,                            -- the contained resource inside the index
  container int8 not null,                      -- rid of its container
  rtype int2 not null,                          -- number of its type below zero
  skey int8 not null,                           -- hash of ("#", type and id of the container, its own id)
  s int8 not null,
  id text collate "C" not null,                 -- within the container, without #
  keys int8[] not null
);
create unique index contained_rid on fhir.contained (tenant_id, rid);
create unique index contained_key on fhir.contained (tenant_id, skey, rtype, rid);
create index contained_container on fhir.contained (tenant_id, container);
create index contained_date on fhir.contained (tenant_id, rtype, s, rid);

-- The coded values that a tenant's resources have, once each: what `_sort` by code, `:text`, `:in`, `:below` and `:above`
-- look through. Rows are never removed: a value nobody has any more has no postings.
create table fhir.code (
  tenant_id int4 not null,
  rtype int2 not null,
  param int2 not null,
  h int8 not null,                              -- of the postings of the value
  q int4 not null,                              -- hash of the system; TEXT for a text
  system text collate "C" not null,             -- '' none
  code text collate "C" not null                -- without case; a text as normalised
);
create unique index code_key on fhir.code (tenant_id, h, q, rtype, param);
create index code_order on fhir.code (tenant_id, rtype, param, q, code, h);

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
  foreach name in array '{posting,str,dat,qty,uri,geo,compartment,compartment_past,contained,code}'::text[] loop
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
-- w what became of each change. Each array of rows comes with the ordinal of its change (…_n). A contained resource has
-- an ordinal of its own (contained_m), which its rows in the other arrays carry. Codes come in the order of their key.
-- FH409: two coded values have the same hash.
create function fhir.index_write(
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

-- A tenant's own search parameters: SearchParameter resources that are active, and how far their index is.
create table fhir.parameter (
  tenant_id int4 not null,
  number int2 not null check (number > 10000),  -- in the index; never used for another one
  url text collate "C" not null,
  code text collate "C" not null,
  rtypes int2[] not null,                       -- the types it is on
  stale int2[] not null,                        -- and those it was on, whose index rows may still know it
  definition jsonb not null,                    -- what is indexed by
  rid int8 not null,                            -- the resource that says so
  since int4 not null,                          -- the definitions number from which on all writes heed it
  state text collate "C" not null check (state in ('indexing', 'ready', 'dropping', 'dropped')),
  job_id int8 not null,                         -- the job that indexes, or takes the index rows away
  primary key (tenant_id, number)
);
create unique index parameter_url on fhir.parameter (tenant_id, url);
alter table fhir.parameter enable row level security;
alter table fhir.parameter force row level security;
create policy tenant on fhir.parameter
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Registers the search parameters among the changes of a request, each one with its row: without url where the resource
-- is no parameter in force any more. `under` is the definitions number they were checked with; after this there is a new
-- one, so that every later write knows them, and a job that indexes all that was written before.
-- FH001: the definitions have changed; FH422: two parameters with one code on one type (detail: ordinal and code).
create function fhir.parameter_write(
  t int4, w fhir.written[],
  parameter_n int4[], parameter_under int4[], parameter_url text[], parameter_code text[], parameter_rtypes text[],
  parameter_definition text[], parameter_base text[]
) returns fhir.written[] language plpgsql set search_path = pg_catalog as $$
declare
  since_ int4;
  job_ int8;
  one record;
begin
  if not exists (select from unnest(w) x join unnest(parameter_n) v(n) on v.n = x.n where x.outcome <> 'N') then
    return w;
  end if;
  since_ := fhir.definitions_raise((select v.under from unnest(parameter_under) v(under) limit 1));
  job_ := fhir.job_add(t, 'reindex', jsonb_build_object('base', parameter_base[1]));
  update fhir.parameter p set state = 'dropping', since = since_, job_id = job_
  from unnest(parameter_n, parameter_url) v(n, url) join unnest(w) x on x.n = v.n
  where p.tenant_id = t and p.rid = x.rid and p.state in ('indexing', 'ready') and x.outcome <> 'N'
    and p.url is distinct from v.url;
  for one in
    select v.n, v.url, v.code, v.rtypes::int2[] as rtypes, v.definition::jsonb as definition, x.rid
    from unnest(parameter_n, parameter_url, parameter_code, parameter_rtypes, parameter_definition)
      v(n, url, code, rtypes, definition)
    join unnest(w) x on x.n = v.n
    where v.url is not null and x.outcome in ('C', 'U')
    order by v.n
  loop
    insert into fhir.parameter as p
      (tenant_id, number, url, code, rtypes, stale, definition, rid, since, state, job_id)
    values (t, (select coalesce(max(k.number), 10000) + 1 from fhir.parameter k where k.tenant_id = t), one.url, one.code,
            one.rtypes, '{}', one.definition, one.rid, since_, 'indexing', job_)
    on conflict (tenant_id, url) do update
    set code = excluded.code, rtypes = excluded.rtypes, definition = excluded.definition, rid = excluded.rid,
        stale = case when p.state = 'dropped' then '{}' else p.stale || p.rtypes end,
        since = since_, state = 'indexing', job_id = job_;
  end loop;
  select v.n, p.code into one
  from unnest(w) x
  join unnest(parameter_n) v(n) on v.n = x.n
  join fhir.parameter p on p.tenant_id = t and p.rid = x.rid
  join fhir.parameter o on o.tenant_id = t and o.code = p.code and o.number <> p.number and o.rtypes && p.rtypes
  where p.state in ('indexing', 'ready') and o.state in ('indexing', 'ready')
  order by v.n limit 1;
  if found then
    raise sqlstate 'FH422' using message = 'the code is taken', detail = one.n || ' ' || one.code;
  end if;
  return w;
end $$;

-- Ends what a job did for these parameters, unless they were registered anew meanwhile; from here on searches may use
-- them. Returns how many it was.
create function fhir.parameter_settle(t int4, numbers int2[], sinces int4[])
returns int4 language plpgsql set search_path = pg_catalog as $$
declare
  settled_ int4;
begin
  perform set_config('app.tenant', t::text, true);
  perform fhir.definitions_raise(null);
  update fhir.parameter p set state = case p.state when 'indexing' then 'ready' else 'dropped' end, stale = '{}'
  from unnest(numbers, sinces) v(number, since)
  where p.tenant_id = t and p.number = v.number and p.since = v.since and p.state in ('indexing', 'dropping');
  get diagnostics settled_ = row_count;
  return settled_;
end $$;

-- Says that this job is the one that takes care of these parameters.
create function fhir.parameter_take(t int4, job int8, numbers int2[], sinces int4[])
returns int4 language plpgsql set search_path = pg_catalog as $$
declare
  taken_ int4;
begin
  perform set_config('app.tenant', t::text, true);
  update fhir.parameter p set job_id = job from unnest(numbers, sinces) v(number, since)
  where p.tenant_id = t and p.number = v.number and p.since = v.since and p.state in ('indexing', 'dropping');
  get diagnostics taken_ = row_count;
  return taken_;
end $$;
