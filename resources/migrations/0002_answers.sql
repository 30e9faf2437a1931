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
