-- Closure tables: what a client has put into one, a step for each call that added something.
create table fhir.closure (
  tenant_id int4 not null,
  name text collate "C" not null,
  step int4 not null,                           -- from 1: the version of the table after it; 0: the table was begun
  added jsonb not null,                         -- Codings
  groups jsonb not null,                        -- what they imply: groups of a ConceptMap
  at timestamptz not null default now(),
  primary key (tenant_id, name, step)
);
alter table fhir.closure enable row level security;
alter table fhir.closure force row level security;
create policy tenant on fhir.closure
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Adds the next step of a closure table, of which the first one begins it; false: somebody else has added one meanwhile,
-- or begun it anew. step_ 0: begins it anew, and forgets what was sent along with it. Whoever changes a table locks its
-- step 0: no step is left without those before.
-- FH404 no such tenant.
create function fhir.closure_add(t int4, name_ text, step_ int4, added_ text, groups_ text) returns bool
language plpgsql set search_path = pg_catalog as $$
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- before the tenant is looked for: whoever drops it waits for this
begin
  perform set_config('app.tenant', t::text, true);
  if not exists (select from fhir.tenant x where x.tenant_id = t and x.state = 'active') then
    raise sqlstate 'FH404' using message = 'no such tenant';
  end if;
  if step_ <= 1 then
    insert into fhir.closure (tenant_id, name, step, added, groups) values (t, name_, 0, '[]', '[]')
    on conflict (tenant_id, name, step) do nothing;
  end if;
  perform from fhir.closure c where c.tenant_id = t and c.name = name_ and c.step = 0 for update;
  if step_ = 0 then
    delete from fhir.closure c where c.tenant_id = t and c.name = name_ and c.step > 0;
    delete from fhir.sent s where s.tenant_id = t and s.cache_id = 'closure ' || name_;
    return true;
  end if;
  if not exists (select from fhir.closure c where c.tenant_id = t and c.name = name_ and c.step = step_ - 1) then
    return false;
  end if;
  insert into fhir.closure (tenant_id, name, step, added, groups)
  values (t, name_, step_, added_::jsonb, groups_::jsonb) on conflict (tenant_id, name, step) do nothing;
  return found;
end $$;

-- Resources that clients sent along under a cache-id, so that they need not be sent again.
create table fhir.sent (
  tenant_id int4 not null,
  cache_id text collate "C" not null,
  digest bytea not null,                        -- of the resource
  body bytea not null,                          -- its JSON text, compressed
  at timestamptz not null default now(),
  primary key (tenant_id, cache_id, digest)
);
create index sent_at on fhir.sent (tenant_id, at);
alter table fhir.sent alter column body set storage external;  -- it is compressed
alter table fhir.sent enable row level security;
alter table fhir.sent force row level security;
create policy tenant on fhir.sent
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Keeps resources of a cache-id; those of the tenant that are older than so many seconds go. FH404 no such tenant.
create function fhir.sent_keep(t int4, cache_id_ text, digests bytea[], bodies bytea[], seconds float8) returns void
language plpgsql set search_path = pg_catalog as $$
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- as above
begin
  perform set_config('app.tenant', t::text, true);
  if not exists (select from fhir.tenant x where x.tenant_id = t and x.state = 'active') then
    raise sqlstate 'FH404' using message = 'no such tenant';
  end if;
  delete from fhir.sent s where s.tenant_id = t and s.at < now() - make_interval(secs => seconds);
  insert into fhir.sent (tenant_id, cache_id, digest, body)
  select t, cache_id_, v.digest, v.body from unnest(digests, bodies) v(digest, body) order by v.digest
  on conflict (tenant_id, cache_id, digest) do update set at = now();
end $$;
