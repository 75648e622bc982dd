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
    -- Failed only because this one did; goes back to the queue with it.
    failed_with bigint references job on delete set null,

    queued_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz,
    -- Transaction that last wrote this row. A plain sequence would let a reader step over a number that was drawn
    -- earlier and committed later.
    changed xid8 not null default pg_current_xact_id(),

    constraint job_lease_while_running check ((state = 'running') = (lease_until is not null)),
    constraint job_error_told check (state <> 'failed' or error is not null)
);
create unique index job_taken on job (kind, key) where state in ('queued', 'running');
create index job_about on job (kind, key, id);
create index job_queued on job (priority desc, id) where state = 'queued';
create index job_running on job (lease_until) where state = 'running';
create index job_slide on job (slide_id) where state in ('queued', 'running', 'failed');
create index job_batch on job (batch);
create index job_changed on job (changed);
create index job_failed_with on job (failed_with) where failed_with is not null;

-- `job_id` waits until `waits_for` is done.
create table job_wait (
    job_id bigint not null references job on delete cascade,
    waits_for bigint not null references job on delete cascade,
    primary key (job_id, waits_for)
);
create index job_wait_back on job_wait (waits_for);

create sequence job_lease;

create function job_note_change() returns trigger language plpgsql as $$
begin
    new.changed := pg_current_xact_id();
    -- Equal notes of one transaction are sent once.
    perform pg_notify('job', '');
    return new;
end
$$;
create trigger job_note_change before insert or update on job for each row execute function job_note_change();

-- Jobs without those that ended badly and were asked for anew.
create view job_now as
select * from job
where state not in ('failed', 'cancelled')
    or not exists (
        select from job newer where newer.kind = job.kind and newer.key = job.key and newer.id > job.id);
