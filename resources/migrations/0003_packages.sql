-- FHIR packages that are installed in a tenant. What they brought are resources like any others; here is which.
create table fhir.package (
  tenant_id int4 not null,
  name text collate "C" not null,
  version text collate "C" not null,
  installed timestamptz not null default now(),
  digest bytea not null,                        -- of its content: another one under this name and version is refused
  manifest jsonb not null,                      -- its package.json
  contents jsonb not null,                      -- what of the tenant's resources it has: fhir_server/packages/store.py
  primary key (tenant_id, name, version)
);
alter table fhir.package enable row level security;
alter table fhir.package force row level security;
create policy tenant on fhir.package
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Keeps packages, in place of those of the same name and version; without contents: forgets them. After this there is a
-- new definitions number. FH404 no such tenant.
create function fhir.package_write(
  t int4, names text[], versions text[], digests bytea[], manifests text[], contents_ text[]
) returns int4 language plpgsql set search_path = pg_catalog as $$
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- before the tenant is looked for: whoever drops it waits for this
begin
  perform set_config('app.tenant', t::text, true);
  if not exists (select from fhir.tenant x where x.tenant_id = t and x.state = 'active') then
    raise sqlstate 'FH404' using message = 'no such tenant';
  end if;
  delete from fhir.package p using unnest(names, versions, contents_) v(name, version, content)
  where p.tenant_id = t and p.name = v.name and p.version = v.version and v.content is null;
  insert into fhir.package as p (tenant_id, name, version, digest, manifest, contents)
  select t, v.name, v.version, v.digest, v.manifest::jsonb, v.content::jsonb
  from unnest(names, versions, digests, manifests, contents_) v(name, version, digest, manifest, content)
  where v.content is not null
  on conflict (tenant_id, name, version) do update
  set digest = excluded.digest, manifest = excluded.manifest, contents = excluded.contents;
  return fhir.definitions_raise(null);
end $$;
