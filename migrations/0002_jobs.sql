-- The queue of long work. A table of our own: the ready-made one that was read (apalis-postgres 1.0) has no progress, no
-- cancel, a unique key for all time and needs an extension.

create table job (
    id bigint generated always as identity primary key,
    kind text not null,
    -- What the work is about. With the kind unique while queued or running, so that asking twice is asking once.
    key text not null,
    payload jsonb not null,
    title text not null,
    slide_id bigint references slide on delete cascade,
    -- Higher goes first; then the older.
    priority integer not null,
    state text not null default 'queued'
        constraint job_state_known check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- Jobs put in the queue between two moments at which it was empty.
    batch bigint not null,

    done bigint not null default 0,
    total bigint not null default 0,
    unit text not null,
    -- The furthest that any attempt came: only getting further renews the attempts.
    furthest bigint not null default 0,
    -- Where and when this attempt began to count, for its speed.
    base_done bigint,
    base_at timestamptz,
    beat_at timestamptz,

    -- Failures, and leases lost with their server, since it last got further.
    failures integer not null default 0,
    losses integer not null default 0,
    attempts integer not null default 0,
    run_after timestamptz not null default now(),
    -- A new number for every claim: whoever holds an old one finds out that the job is no longer theirs.
    lease bigint not null default 0,
    lease_until timestamptz,
    cancel boolean not null default false,
    error text,

    queued_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz,

    constraint job_lease_while_running check ((state = 'running') = (lease_until is not null)),
    constraint job_error_told check (state <> 'failed' or error is not null)
);
create unique index job_taken on job (kind, key) where state in ('queued', 'running');
create index job_about on job (kind, key, id);
create index job_queued on job (priority desc, id) where state = 'queued';
create index job_running on job (lease_until) where state = 'running';
create index job_slide on job (slide_id) where state <> 'done';
create index job_batch on job (batch);

create sequence job_lease;

-- Jobs without those that ended badly and were asked for anew.
create view job_now as
select * from job
where state not in ('failed', 'cancelled')
    or not exists (
        select from job newer where newer.kind = job.kind and newer.key = job.key and newer.id > job.id);
