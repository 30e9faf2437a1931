-- Storage of resources: the tenants, the current version of every resource, the versions before it; jobs, answers that are
-- kept, and packages.
-- The whole of this floor stands here; the files in migrations/ add up to it (tests/integration/test_migrations.py).

-- The registry of tenants. It holds nothing of a patient and has, by design, no row policies, like `due` alone besides.
create table fhir.tenant (
  tenant_id int4 generated always as identity primary key,       -- never used again, also after a drop
  name text collate "C" not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  state text not null default 'active' check (state in ('active', 'dropping')),
  definitions int4 not null default 1,                           -- raised when settings, parameters or packages change
  settings jsonb not null default '{}',
  created timestamptz not null default now()
);

-- Workers keep the registry in memory and read it again when they hear of a change.
create function fhir.tenant_changed() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform pg_notify('fhir_tenant', '');
  return null;
end $$;
create trigger tenant_changed after insert or update or delete on fhir.tenant
  for each statement execute function fhir.tenant_changed();

-- One row: the key of all hashes, and the epoch that is raised when a dump is restored into another cluster, where
-- transaction ids begin anew.
create table fhir.instance (
  only_one bool primary key default true check (only_one),
  hash_key bytea not null,
  epoch int4 not null default 1,
  system_identifier int8 not null
);

create sequence fhir.rid as int8 cache 32;

create table fhir.resource (
  tenant_id int4 not null,
  rtype int2 not null,                          -- number of the resource type (resources/data/type_numbers.txt)
  ver int4 not null,                            -- version id: 1, 2, 3 … of this resource
  rid int8 not null,                            -- the resource inside the database; never shown
  skey int8 not null,                           -- hash of (type, id)
  s int8 not null,                              -- primary clinical date in µs since 1970; the lowest int8 where there is none
  lu timestamptz not null,                      -- meta.lastUpdated, to the millisecond; never goes back within a resource
  xid int8 not null,                            -- the transaction that wrote this version …
  epoch int4 not null,                          -- … and the epoch its number belongs to
  deleted bool not null,
  op "char" not null,                           -- what wrote it: C create, P update that created or brought back, U update, D delete
  id text collate "C" not null,
  keys int8[] not null,                         -- what the index must find again to take the old rows away; opaque here
  resource jsonb,                               -- null when deleted
  check (deleted = (resource is null))
);
create unique index resource_key on fhir.resource (tenant_id, skey, rtype, id);
create unique index resource_rid on fhir.resource (tenant_id, rid);
create index resource_date on fhir.resource (tenant_id, rtype, deleted, s desc, rid desc);
create index resource_updated on fhir.resource (tenant_id, rtype, deleted, lu desc, rid desc);
create index resource_changed on fhir.resource (tenant_id, deleted, lu desc, rid desc);
create index resource_id on fhir.resource (tenant_id, rtype, id) where not deleted;

-- Versions that are no longer current. Append only: the application role may insert and select.
create table fhir.resource_version (
  tenant_id int4 not null,
  rid int8 not null,
  ver int4 not null,
  rtype int2 not null,
  lu timestamptz not null,
  xid int8 not null,
  epoch int4 not null,
  op "char" not null,
  id text collate "C" not null,
  resource jsonb,
  primary key (tenant_id, rid, ver)
);
create index resource_version_updated on fhir.resource_version (tenant_id, rtype, lu desc, rid desc);
create index resource_version_changed on fhir.resource_version (tenant_id, lu desc, rid desc);

alter table fhir.resource enable row level security;
alter table fhir.resource force row level security;
create policy tenant on fhir.resource
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));
alter table fhir.resource_version enable row level security;
alter table fhir.resource_version force row level security;
create policy tenant on fhir.resource_version
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- What one change became; handed from write function to write function.
create type fhir.written as (
  n int4,                                       -- ordinal of the change, from 1
  rid int8, rtype int2, ver int4, lu timestamptz,
  s int8, old_s int8, old_keys int8[],
  outcome "char"                                -- C created or brought back, U updated, D deleted, N nothing changed
);

create function fhir.instant(at timestamptz) returns text language sql stable parallel safe set search_path = pg_catalog
  return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- Writes all changes of one request, or none. Every refusal has its own SQLSTATE:
-- FH001 the definitions number is old; FH404 no such tenant; FH412 a precondition failed (detail: ordinal and the
-- version found); 40001 somebody else created the same id meanwhile (to be repeated).
-- An expectation of {} is any current version, one of null is none.
create function fhir.resource_write(
  t int4, number int4, ops "char"[], rtypes int2[], skeys int8[], ids text[], dates int8[], keysets text[],
  heads text[], tails text[], expects text[], absents bool[]
) returns fhir.written[] language plpgsql set search_path = pg_catalog as $$
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- before the clock and the number are looked at: others wait for it
  now_ timestamptz := date_trunc('milliseconds', clock_timestamp());
  epoch_ int4 := (select i.epoch from fhir.instance i);
  current_ int4 := (select x.definitions from fhir.tenant x where x.tenant_id = t and x.state = 'active');
  old fhir.written[] := '{}';
  new fhir.written[];
  refused record;
  due_ int8;
  done_ int8;
begin
  perform set_config('app.tenant', t::text, true);
  if current_ is null then
    raise sqlstate 'FH404' using message = 'no such tenant';
  elsif current_ <> number then
    raise sqlstate 'FH001' using message = 'definitions have changed';
  end if;

  if 'U' = any(ops) or 'D' = any(ops) then
    -- The rows that are there, locked in one order so that two Bundles cannot wait for each other. rtype + 0, so that
    -- the key finds them also before the table was ever analyzed, and not an index that begins with the type.
    select coalesce(array_agg(row(x.n, x.rid, x.rtype, x.ver, x.lu, x.s, x.s, x.keys, x.op)::fhir.written), '{}') into old
    from (select c.n, r.rid, r.rtype, r.ver, r.lu, r.s, r.keys, r.op
          from unnest(ops, rtypes, skeys, ids) with ordinality c(op, rtype, skey, id, n)
          join fhir.resource r on r.tenant_id = t and r.skey = c.skey and r.rtype + 0 = c.rtype and r.id = c.id
          where c.op <> 'C'
          order by r.skey, r.rid for update of r) x;

    select c.n, o.ver into refused
    from unnest(expects, absents) with ordinality c(expect, absent, n)
    left join unnest(old) o on o.n = c.n
    where (c.expect = '{}' and coalesce(o.outcome = 'D', true))
       or (c.expect <> '{}' and not coalesce(o.ver = any(c.expect::int4[]), false))
       or (c.absent and o.outcome <> 'D')
    order by c.n limit 1;
    if found then
      raise sqlstate 'FH412' using message = 'precondition failed', detail = refused.n || ' ' || coalesce(refused.ver, 0);
    end if;
  end if;

  select array_agg(row(
      c.n, coalesce(o.rid, case when c.op <> 'D' then nextval('fhir.rid') end), c.rtype,
      case when x.outcome = 'N' then coalesce(o.ver, 0) else coalesce(o.ver, 0) + 1 end,
      case when x.outcome = 'N' then coalesce(o.lu, now_) else greatest(now_, o.lu + interval '1 millisecond') end,
      c.s, o.old_s, o.old_keys, x.outcome)::fhir.written order by c.n)
  into new
  from unnest(ops, rtypes, dates, heads, tails) with ordinality c(op, rtype, s, head, tail, n)
  left join unnest(old) o on o.n = c.n
  cross join lateral (select (case
      when c.op = 'D' then case when o.outcome <> 'D' then 'D' else 'N' end
      when o.outcome is null or o.outcome = 'D' then 'C'
      -- The same content, digit by digit: text and not jsonb, for which 1.0 equals 1.00.
      when (select r.resource::text from fhir.resource r where r.tenant_id = t and r.rid = o.rid)
           = (c.head || o.ver || '","lastUpdated":"' || fhir.instant(o.lu) || c.tail)::jsonb::text then 'N'
      else 'U' end)::"char" as outcome) x;

  if cardinality(old) > 0 then
    insert into fhir.resource_version (tenant_id, rid, ver, rtype, lu, xid, epoch, op, id, resource)
    select t, r.rid, r.ver, r.rtype, r.lu, r.xid, r.epoch, r.op, r.id, r.resource
    from unnest(new) w
    join fhir.resource r on r.tenant_id = t and r.rid = w.rid
    where w.old_s is not null and w.outcome <> 'N';
    get diagnostics due_ = row_count;

    update fhir.resource r
    set ver = c.ver, s = c.s, lu = c.lu, xid = xid_, epoch = epoch_, deleted = c.outcome = 'D',
        op = case when c.op = 'U' and c.outcome = 'C' then 'P' else c.op end, keys = c.keys::int8[],
        resource = case when c.outcome <> 'D'
                        then (c.head || c.ver || '","lastUpdated":"' || fhir.instant(c.lu) || c.tail)::jsonb end
    from rows from (unnest(ops), unnest(keysets), unnest(heads), unnest(tails), unnest(new))
         c(op, keys, head, tail, n, rid, rtype, ver, lu, s, old_s, old_keys, outcome)
    where r.tenant_id = t and r.rid = c.rid and c.old_s is not null and c.outcome <> 'N';
    get diagnostics done_ = row_count;
    if done_ <> due_ then
      raise sqlstate '40001' using message = 'a locked row was not updated';
    end if;
  end if;

  due_ := (select count(*) from unnest(new) w where w.outcome = 'C' and w.old_s is null);
  if due_ > 0 then
    insert into fhir.resource (tenant_id, rtype, ver, rid, skey, s, lu, xid, epoch, deleted, op, id, keys, resource)
    select t, c.rtype, c.ver, c.rid, c.skey, c.s, c.lu, xid_, epoch_, false,
           case c.op when 'U' then 'P' else c.op end, c.id, c.keys::int8[],
           (c.head || c.ver || '","lastUpdated":"' || fhir.instant(c.lu) || c.tail)::jsonb
    from rows from (unnest(ops), unnest(skeys), unnest(ids), unnest(keysets), unnest(heads), unnest(tails), unnest(new))
         c(op, skey, id, keys, head, tail, n, rid, rtype, ver, lu, s, old_s, old_keys, outcome)
    where c.outcome = 'C' and c.old_s is null
    order by c.skey                             -- one order here too
    on conflict (tenant_id, skey, rtype, id) do nothing;
    get diagnostics done_ = row_count;
    if done_ <> due_ then
      raise sqlstate '40001' using message = 'the id was created meanwhile';
    end if;
  end if;
  return new;
end $$;

-- Takes resources as they are, at the versions named, to write their index rows anew; what was written meanwhile is left
-- alone: whoever wrote it indexed it. Refuses as resource_write does, and its answer goes the same way, with no
-- instant (lu): nothing about the resource is new.
create function fhir.resource_reindex(
  t int4, number int4, rids int8[], vers int4[], dates int8[], keysets text[]
) returns fhir.written[] language plpgsql set search_path = pg_catalog as $$
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- before the number is looked at: so that others can wait for it
  current_ int4 := (select x.definitions from fhir.tenant x where x.tenant_id = t and x.state = 'active');
  new fhir.written[];
begin
  perform set_config('app.tenant', t::text, true);
  if current_ is null then
    raise sqlstate 'FH404' using message = 'no such tenant';
  elsif current_ <> number then
    raise sqlstate 'FH001' using message = 'definitions have changed';
  end if;
  select coalesce(array_agg(row(x.n, x.rid, x.rtype, x.ver, null, x.new_s, x.s, x.keys, 'U')::fhir.written), '{}') into new
  from (select c.n, r.rid, r.rtype, r.ver, c.s as new_s, r.s, r.keys
        from unnest(rids, vers, dates) with ordinality c(rid, ver, s, n)
        join fhir.resource r on r.tenant_id = t and r.rid = c.rid and r.ver = c.ver and not r.deleted
        order by r.skey, r.rid for update of r) x;
  update fhir.resource r set s = w.s, keys = c.keys::int8[]
  from unnest(new) w join unnest(keysets) with ordinality c(keys, n) on c.n = w.n
  where r.tenant_id = t and r.rid = w.rid and (r.s <> w.s or r.keys <> c.keys::int8[]);
  return new;
end $$;

-- The one thing that the application role may change in the registry: that its tenant has other definitions now. Under
-- the lock that this takes it is sure that nobody has changed them since `number`; null: whatever they were. FH001 else.
create function fhir.definitions_raise(number int4) returns int4
language plpgsql security definer set search_path = pg_catalog as $$
declare
  raised_ int4;
begin
  update fhir.tenant x set definitions = x.definitions + 1
  where x.tenant_id = nullif(current_setting('app.tenant', true), '')::int4 and x.state = 'active'
    and x.definitions = coalesce(number, x.definitions)
  returning x.definitions into raised_;
  if raised_ is null then
    raise sqlstate 'FH001' using message = 'definitions have changed';
  end if;
  return raised_;
end $$;
revoke execute on function fhir.definitions_raise from public;

-- Long work in a tenant, done in the background: what it is, and how far it is.
create table fhir.job (
  tenant_id int4 not null,
  job_id int8 generated always as identity,
  kind text collate "C" not null,               -- what does it: a row of the table JOBS
  state text collate "C" not null default 'due' check (state in ('due', 'done', 'failed')),
  arguments jsonb not null,
  progress jsonb not null default '{}',         -- where its next step goes on; `done` of `total`
  report text not null default '',              -- why it failed
  created timestamptz not null default now(),
  ended timestamptz,
  primary key (tenant_id, job_id)
);
alter table fhir.job enable row level security;
alter table fhir.job force row level security;
create policy tenant on fhir.job
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Where workers find jobs: without row policies, by design, and with nothing of a patient.
create table fhir.due (
  tenant_id int4 not null,
  job_id int8 not null,
  kind text collate "C" not null,               -- only a worker that knows it takes the job
  at timestamptz not null default now(),        -- not before; of a job under way the end of its holder's lease
  holder text collate "C" not null default '',  -- the worker that took it last
  primary key (tenant_id, job_id)
);
create index due_at on fhir.due (at);

create function fhir.job_due() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform pg_notify('fhir_job', '');
  return null;
end $$;
create trigger job_due after insert on fhir.due for each statement execute function fhir.job_due();

-- Makes a job that is due at once, and returns its number.
create function fhir.job_add(t int4, kind_ text, arguments_ jsonb) returns int8
language plpgsql set search_path = pg_catalog as $$
declare
  made_ int8;
begin
  perform set_config('app.tenant', t::text, true);
  insert into fhir.job (tenant_id, kind, arguments) values (t, kind_, arguments_) returning job_id into made_;
  insert into fhir.due (tenant_id, job_id, kind) values (t, made_, kind_);
  return made_;
end $$;

-- Keeps how far a job is: state due until in so many seconds, done, or failed. False, and nothing is kept, if the worker
-- holds it no longer.
create function fhir.job_save(
  t int4, job int8, worker text, state_ text, progress_ jsonb, report_ text, seconds float8
) returns bool language plpgsql set search_path = pg_catalog as $$
begin
  perform set_config('app.tenant', t::text, true);
  if state_ = 'due' then
    update fhir.due d set at = clock_timestamp() + make_interval(secs => seconds)
    where d.tenant_id = t and d.job_id = job and d.holder = worker;
  else
    delete from fhir.due d where d.tenant_id = t and d.job_id = job and d.holder = worker;
  end if;
  if not found then
    return false;
  end if;
  update fhir.job j set state = state_, progress = progress_, report = report_,
    ended = case when state_ <> 'due' then clock_timestamp() end
  where j.tenant_id = t and j.job_id = job;
  if not found then
    raise exception 'a job without its row';
  end if;
  return true;
end $$;

-- Answers to requests that bore an Idempotency-Key, for their repetition; kept for a day.
create table fhir.answer (
  tenant_id int4 not null,
  actor text collate "C" not null,              -- who asked
  key text collate "C" not null,                -- as the client chose it
  at timestamptz not null,
  fingerprint bytea not null,                   -- of the request: another one under this key is refused
  response bytea not null,
  primary key (tenant_id, actor, key)
);
-- Partial, though it has every row, so that it serves nobody who does not say so: on a table that was analyzed while it
-- was small the planner would walk it to find a key.
create index answer_at on fhir.answer (tenant_id, at) where at > '-infinity';
alter table fhir.answer enable row level security;
alter table fhir.answer force row level security;
create policy tenant on fhir.answer
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- One row: the answer kept under a key since then, if there is one; mine: whether this transaction is the one that may
-- make it now. Nobody is waited for. A function that is volatile looks with fresh eyes after it has the lock.
create function fhir.answer_claim(t int4, actor_ text, key_ text, lock_ int8, seconds float8)
returns table (mine bool, fingerprint bytea, response bytea)
language plpgsql set search_path = pg_catalog as $$
declare
  since_ timestamptz := clock_timestamp() - make_interval(secs => seconds);
  at_ timestamptz;
begin
  perform set_config('app.tenant', t::text, true);
  mine := pg_try_advisory_xact_lock(lock_);
  -- By its key alone: with a bound on `at` the index of times would do, too.
  select a.fingerprint, a.response, a.at into fingerprint, response, at_ from fhir.answer a
  where a.tenant_id = t and a.actor = actor_ and a.key = key_;
  if at_ <= since_ then
    fingerprint := null;
    response := null;
  end if;
  return next;
end $$;

-- Keeps an answer in place of one that is older than so many seconds, and takes ten others away that are. FH404 no such
-- tenant. It is the last thing that a transaction does, so that whoever waits for what it deletes does not wait long.
create function fhir.answer_keep(t int4, actor_ text, key_ text, fingerprint_ bytea, response_ bytea, seconds float8)
returns void language plpgsql set search_path = pg_catalog
set enable_sort = off as $$                     -- the oldest by their index; unanalyzed, all would be read to be sorted
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- before the tenant is looked for: whoever drops it waits for this
  since_ timestamptz := clock_timestamp() - make_interval(secs => seconds);
  old record;
begin
  perform set_config('app.tenant', t::text, true);
  if not exists (select from fhir.tenant x where x.tenant_id = t and x.state = 'active') then
    raise sqlstate 'FH404' using message = 'no such tenant';
  end if;
  delete from fhir.answer a where a.tenant_id = t and a.actor = actor_ and a.key = key_;
  for old in
    select a.actor, a.key from fhir.answer a where a.tenant_id = t and a.at < since_ and a.at > '-infinity'
    order by a.at limit 10 for update skip locked
  loop
    delete from fhir.answer a where a.tenant_id = t and a.actor = old.actor and a.key = old.key;
  end loop;
  insert into fhir.answer (tenant_id, actor, key, at, fingerprint, response)
  values (t, actor_, key_, clock_timestamp(), fingerprint_, response_);
end $$;

-- Requests that are answered later (Prefer: respond-async): what was asked, and what it came to. Each has a job;
-- whoever removes the row stops it, since its transaction ends by writing here.
create table fhir.exchange (
  tenant_id int4 not null,
  job_id int8 not null,
  token text collate "C" not null,              -- names it in URLs; cannot be guessed
  actor text collate "C" not null,              -- who asked, and alone hears of it
  tries int4 not null default 0,                -- how often it was begun
  created timestamptz not null default now(),
  expires timestamptz,                          -- of the response
  request bytea not null,                       -- empty once it is answered
  response bytea,
  primary key (tenant_id, job_id)
);
create unique index exchange_token on fhir.exchange (tenant_id, token);
create index exchange_waiting on fhir.exchange (tenant_id) where response is null;
alter table fhir.exchange enable row level security;
alter table fhir.exchange force row level security;
create policy tenant on fhir.exchange
  using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4))
  with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::int4));

-- Puts a request aside, for jobs of this kind. FH404 no such tenant; FH429 so many of the tenant wait already, or so many
-- bytes of them.
create function fhir.exchange_add(
  t int4, kind_ text, token_ text, actor_ text, request_ bytea, most int4, largest int8
) returns int8
language plpgsql set search_path = pg_catalog as $$
declare
  xid_ int8 := pg_current_xact_id()::text::int8;  -- before the tenant is looked for: whoever drops it waits for this
  waiting_ int8;
  bytes_ int8;
  made_ int8;
begin
  perform set_config('app.tenant', t::text, true);
  if not exists (select from fhir.tenant x where x.tenant_id = t and x.state = 'active') then
    raise sqlstate 'FH404' using message = 'no such tenant';
  end if;
  -- The length of a value is known without reading it.
  select count(*), coalesce(sum(x.bytes), 0) into waiting_, bytes_
  from (select octet_length(e.request) as bytes from fhir.exchange e
        where e.tenant_id = t and e.response is null limit most) x;
  if waiting_ >= most or bytes_ + octet_length(request_) > largest then
    raise sqlstate 'FH429' using message = 'too many requests wait';
  end if;
  made_ := fhir.job_add(t, kind_, '{}');
  insert into fhir.exchange (tenant_id, job_id, token, actor, request) values (t, made_, token_, actor_, request_);
  return made_;
end $$;

-- Begins the work on a request: what was asked, how often it was begun with this time; remaining: seconds until the
-- answer expires, null while there is none. No row: it was cancelled.
create function fhir.exchange_take(t int4, job int8)
returns table (token text, actor text, tries int4, request bytea, remaining float8)
language plpgsql set search_path = pg_catalog as $$
begin
  perform set_config('app.tenant', t::text, true);
  update fhir.exchange e set tries = e.tries + 1 where e.tenant_id = t and e.job_id = job and e.response is null;
  return query
    select e.token, e.actor, e.tries, e.request, extract(epoch from e.expires - clock_timestamp())::float8
    from fhir.exchange e where e.tenant_id = t and e.job_id = job;
end $$;

-- Keeps what a request came to for so many seconds; false: it was cancelled, or somebody else has answered it.
create function fhir.exchange_answer(t int4, job int8, response_ bytea, seconds float8) returns bool
language plpgsql set search_path = pg_catalog as $$
begin
  perform set_config('app.tenant', t::text, true);
  update fhir.exchange e
  set response = response_, request = '', expires = clock_timestamp() + make_interval(secs => seconds)
  where e.tenant_id = t and e.job_id = job and e.response is null;
  return found;
end $$;

-- Removes a request and its job, whether it waits, is under way or answered; false: there is none for this actor.
create function fhir.exchange_remove(t int4, token_ text, actor_ text) returns bool
language plpgsql set search_path = pg_catalog as $$
declare
  removed_ int8;
begin
  perform set_config('app.tenant', t::text, true);
  delete from fhir.exchange e where e.tenant_id = t and e.token = token_ and e.actor = actor_
  returning e.job_id into removed_;
  if removed_ is null then
    return false;
  end if;
  delete from fhir.due d where d.tenant_id = t and d.job_id = removed_;
  delete from fhir.job j where j.tenant_id = t and j.job_id = removed_;
  return true;
end $$;

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
