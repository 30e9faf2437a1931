-- The statements of migrate.py, by name.

-- name: start
create schema if not exists fhir;
create table if not exists fhir.migration (
  floor text not null, number int4 not null, name text not null, applied timestamptz not null default now(),
  primary key (floor, number)
);

-- name: lock
select pg_try_advisory_lock(hashtext('fhir.migration')) as mine

-- name: applied
select floor, number from fhir.migration order by floor, number

-- name: record
insert into fhir.migration (floor, number, name) values ($1, $2, $3)

-- name: role_exists
select exists (select from pg_roles where rolname = $1) as exists

-- name: create_role
create role {application} login nosuperuser nocreatedb nocreaterole nobypassrls noinherit password {password}

-- name: database
select quote_ident(current_database()) as name

-- name: privileges
revoke temporary, create on database {database} from public;
grant connect on database {database} to {application};
revoke create on schema public from public;

-- name: restored
update fhir.instance set epoch = epoch + 1, system_identifier = (pg_control_system()).system_identifier
where system_identifier <> (pg_control_system()).system_identifier
