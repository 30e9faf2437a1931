-- Releases of terminology: what they consist of, and the index file that every worker maps into its memory.
-- Rows of tenant 0 are shared: everybody reads them, and only the owner, who loads them, writes any rows here.

create table fhir.release (
  tenant_id int4 not null,                      -- 0: shared by all tenants
  release_id int8 generated always as identity,
  kind text collate "C" not null check (kind in ('code-system', 'concept-map', 'value-set')),
  url text collate "C" not null,
  version text collate "C" not null,
  state text collate "C" not null default 'loading' check (state in ('loading', 'active', 'retired')),
  is_default bool not null default false,       -- chosen as the version that counts where none is asked for; else the newest
  loader text collate "C" not null,             -- what read it: a row of LOADERS
  about jsonb not null,                         -- terminology/records.py: About
  tree jsonb,                                   -- the resource, if it came as one
  source bytea not null,                        -- digest of the files it was read from, and of how they were read
  files text[] not null,                        -- their names
  content bytea,                                -- digest of all that was read; null: not all is there yet
  records int8 not null default 0,
  concepts int8 not null default 0,             -- of a concept map: rows
  licence text not null default '',             -- what was acknowledged, by whom and when
  acknowledged_by text not null default '',
  acknowledged timestamptz,
  format int4 not null default 0,               -- of the index file; 0: there is none (yet)
  checksum bytea,                               -- SHA-256 of the index file
  size int8 not null default 0,                 -- its bytes
  begun timestamptz not null default now(),
  loaded timestamptz,                           -- when it became active
  primary key (tenant_id, release_id)
);
create unique index release_active on fhir.release (tenant_id, kind, url, version) where state = 'active';
create unique index release_loading on fhir.release (tenant_id, kind, url, version) where state = 'loading';
create unique index release_default on fhir.release (tenant_id, kind, url) where is_default;

-- The parts that were read whole: loading goes on after the last one of them.
create table fhir.release_part (
  tenant_id int4 not null,
  release_id int8 not null,
  part int4 not null,                           -- from 0, in the order in which they are read
  name text not null,
  digest bytea not null,                        -- of its records
  records int8 not null,
  concepts int8 not null,
  chunks int4 not null,
  primary key (tenant_id, release_id, part)
);

-- What a part consists of, by the ten thousand: terminology/releases/files.py reads it.
create table fhir.release_chunk (
  tenant_id int4 not null,
  release_id int8 not null,
  part int4 not null,
  chunk int4 not null,                          -- from 0
  body bytea not null,
  primary key (tenant_id, release_id, part, chunk)
);
alter table fhir.release_chunk alter column body set storage external;  -- it is compressed

-- The index file in pieces, so that every node has it.
create table fhir.release_file (
  tenant_id int4 not null,
  release_id int8 not null,
  chunk int4 not null,                          -- from 0
  body bytea not null,
  primary key (tenant_id, release_id, chunk)
);
alter table fhir.release_file alter column body set storage external;   -- as above

-- A policy is needed to let rows through, and a second one keeps what is shared from being deleted for a tenant.
alter table fhir.release enable row level security;
alter table fhir.release force row level security;
create policy tenant on fhir.release
  using (tenant_id = any(array[0, (select nullif(current_setting('app.tenant', true), '')::int4)]))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
create policy removal on fhir.release as restrictive for delete
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
alter table fhir.release_part enable row level security;
alter table fhir.release_part force row level security;
create policy tenant on fhir.release_part
  using (tenant_id = any(array[0, (select nullif(current_setting('app.tenant', true), '')::int4)]))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
create policy removal on fhir.release_part as restrictive for delete
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
alter table fhir.release_chunk enable row level security;
alter table fhir.release_chunk force row level security;
create policy tenant on fhir.release_chunk
  using (tenant_id = any(array[0, (select nullif(current_setting('app.tenant', true), '')::int4)]))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
create policy removal on fhir.release_chunk as restrictive for delete
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
alter table fhir.release_file enable row level security;
alter table fhir.release_file force row level security;
create policy tenant on fhir.release_file
  using (tenant_id = any(array[0, (select nullif(current_setting('app.tenant', true), '')::int4)]))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
create policy removal on fhir.release_file as restrictive for delete
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Workers remember the terminology of a tenant and hear of it when a resource of it is written: the payload is the tenant.
create function fhir.terminology_changed() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform pg_notify('fhir_terminology', new.tenant_id::text);
  return null;
end $$;
create trigger terminology_changed after insert or update on fhir.resource
  for each row when (new.rtype in (22, 27, 144))  -- CodeSystem, ConceptMap, ValueSet
  execute function fhir.terminology_changed();
