-- What the bootstrap superuser does in a new cluster, once and before anybody can connect. Statements are parted by an
-- empty line. Afterwards nobody works as superuser, as on a managed PostgreSQL.

revoke create on schema public from public;

revoke all on database template1, postgres from public;

create role fhir_owner login nosuperuser nobypassrls createrole password '{owner}';

create database fhir owner fhir_owner;

revoke temporary, create on database fhir from public;

set role fhir_owner;

create role fhir_app login nosuperuser nobypassrls nocreatedb nocreaterole noinherit password '{application}';

