-- The words are those of ARCHITECTURE.md; lengths, places and sizes are slide pixels (level 0) unless the name says
-- otherwise. Names of constraints are part of the interface: `store` maps them to typed errors.
--
-- Kinds are text with a check, not enum types: a check can be widened inside a transaction on every supported version,
-- and the words stay readable in any client. Nothing here needs more than Postgres 14.

create table cohort (
    id bigint generated always as identity primary key,
    key text not null constraint cohort_key_taken unique,
    title text not null,
    synthetic boolean not null
);

create table patient (
    id bigint generated always as identity primary key,
    cohort_id bigint not null references cohort on delete cascade,
    -- No name, no date of birth: a patient is a code.
    code text not null constraint patient_code_taken unique
);
create index patient_cohort on patient (cohort_id);

create table specimen (
    id bigint generated always as identity primary key,
    patient_id bigint not null references patient on delete cascade,
    code text not null constraint specimen_code_taken unique,
    taken_at text not null constraint specimen_taken_at_known check (taken_at in ('diagnosis', 'follow_up'))
);
create index specimen_patient on specimen (patient_id);

create table slide (
    id bigint generated always as identity primary key,
    specimen_id bigint not null references specimen on delete cascade,
    code text not null constraint slide_code_taken unique,
    -- The same file twice is the same slide, whatever it is called.
    sha256 text not null
        constraint slide_file_taken unique
        constraint slide_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
    version text not null generated always as (substr(sha256, 1, 12)) stored,
    -- Where the file lies; relative to the data folder when we drew or copied it. Never shown: it may hold a name.
    path text not null,
    bytes bigint not null,
    format text not null,
    -- domain::geometry::Pyramid
    pyramid jsonb not null,
    width integer not null,
    height integer not null,
    mpp_x double precision not null,
    mpp_y double precision not null,
    objective double precision,
    tissue text not null,
    -- Where it comes from, one sentence.
    source text not null,
    added_at timestamptz not null default now(),
    constraint slide_mpp_plausible check (mpp_x between 0.01 and 100 and mpp_y between 0.01 and 100)
);
create index slide_specimen on slide (specimen_id);

create table spot (
    id bigint generated always as identity primary key,
    slide_id bigint not null references slide on delete cascade,
    number integer not null,
    x double precision not null,
    y double precision not null,
    width double precision not null,
    height double precision not null,
    constraint spot_number_taken unique (slide_id, number)
);

-- What was drawn into a synthetic spot.
create table planted_truth (
    spot_id bigint primary key references spot on delete cascade,
    truth jsonb not null
);

create table tile_grid (
    id bigint generated always as identity primary key,
    spot_id bigint not null references spot on delete cascade,
    -- What an encoder asked for: side of a tile in its own pixels, and their size in µm.
    tile_px integer not null,
    mpp double precision not null,
    origin_x double precision not null,
    origin_y double precision not null,
    step_x double precision not null,
    step_y double precision not null,
    size_x double precision not null,
    size_y double precision not null,
    columns integer not null,
    rows integer not null,
    tiles integer not null,
    -- Cells that are tiles, ascending, u32 little-endian each. A bit per cell would be smaller, but a tile's index is its
    -- place in this list and is needed at every reading.
    present bytea not null,
    constraint tile_grid_taken unique (spot_id, tile_px, mpp),
    constraint tile_grid_present_whole check (octet_length(present) = 4 * tiles)
);

-- The grid that the screen draws of a spot: the newest.
create view shown_grid as
select distinct on (spot_id) * from tile_grid order by spot_id, id desc;

create table encoder (
    id bigint generated always as identity primary key,
    key text not null,
    title text not null,
    sha256 text not null constraint encoder_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
    dim integer not null,
    tile_px integer not null,
    mpp double precision not null,
    -- Other weights are another encoder, though the name be the same.
    constraint encoder_taken unique (key, sha256)
);

create table bag (
    id bigint generated always as identity primary key,
    grid_id bigint not null references tile_grid on delete cascade,
    encoder_id bigint not null references encoder on delete cascade,
    -- Name in the file store.
    file text not null,
    sha256 text not null constraint bag_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
    tiles integer not null,
    dim integer not null,
    constraint bag_taken unique (grid_id, encoder_id)
);

create table target (
    id bigint generated always as identity primary key,
    key text not null constraint target_key_taken unique,
    title text not null,
    kind text not null constraint target_kind_known check (kind in ('gene', 'pathway', 'cytogenetic', 'clinical')),
    -- What is observed: a specimen (mutation, blood count) or the patient (sex).
    subject text not null constraint target_subject_known check (subject in ('specimen', 'patient'))
);

-- A change of morphology planted for a target in a synthetic cohort.
create table sign (
    cohort_id bigint not null references cohort on delete cascade,
    target_id bigint not null references target on delete cascade,
    kind text not null constraint sign_kind_known check (kind in ('established', 'reported', 'invented', 'null')),
    text text not null,
    citation text,
    primary key (cohort_id, target_id),
    constraint sign_cited check ((kind in ('established', 'reported')) = (citation is not null))
);

create table observation (
    id bigint generated always as identity primary key,
    target_id bigint not null references target on delete cascade,
    specimen_id bigint references specimen on delete cascade,
    patient_id bigint references patient on delete cascade,
    -- 1 with the finding, 0 without.
    value double precision not null,
    allele_frequency double precision
        constraint observation_allele_frequency_is_share check (allele_frequency between 0 and 1),
    constraint observation_of_one check (num_nonnulls(specimen_id, patient_id) = 1)
);
create unique index observation_of_specimen_taken on observation (target_id, specimen_id) where specimen_id is not null;
create unique index observation_of_patient_taken on observation (target_id, patient_id) where patient_id is not null;

create table model (
    id bigint generated always as identity primary key,
    key text not null constraint model_key_taken unique,
    title text not null,
    -- Which predictor, in words.
    predictor text not null,
    cohort_id bigint not null references cohort on delete cascade,
    encoder_id bigint not null references encoder on delete cascade,
    seed bigint not null,
    -- Hash of everything that it learnt from.
    data_sha256 text not null,
    -- model.json as written beside the weights.
    spec jsonb not null,
    trained_at timestamptz not null default now()
);

create table fold_model (
    id bigint generated always as identity primary key,
    model_id bigint not null references model on delete cascade,
    repeat integer not null,
    fold integer not null,
    -- Name in the file store.
    file text not null,
    sha256 text not null,
    constraint fold_model_taken unique (model_id, repeat, fold)
);

-- In which fold a training patient was held out, per repeat.
create table fold_membership (
    model_id bigint not null references model on delete cascade,
    repeat integer not null,
    patient_id bigint not null references patient on delete cascade,
    fold integer not null,
    primary key (model_id, repeat, patient_id)
);

-- Who may speak of whom: of a training patient only the fold models that never saw them, of anybody else all. Every
-- query that shows what a model says goes through here.
create view entitled as
select fold_model.model_id, fold_model.id as fold_model_id, fold_model.repeat, fold_model.fold, patient.id as patient_id
from fold_model
cross join patient
left join fold_membership held_out
    on held_out.model_id = fold_model.model_id
    and held_out.repeat = fold_model.repeat
    and held_out.patient_id = patient.id
where held_out.fold is null or held_out.fold = fold_model.fold;

create table model_target (
    model_id bigint not null references model on delete cascade,
    target_id bigint not null references target on delete cascade,
    -- Its place among the outputs.
    position integer not null,
    positives integer not null,
    negatives integer not null,
    auroc double precision,
    auroc_low double precision,
    auroc_high double precision,
    primary key (model_id, target_id),
    constraint model_target_position_taken unique (model_id, position),
    constraint model_target_auroc_whole check (num_nonnulls(auroc, auroc_low, auroc_high) in (0, 3))
);

-- domain::score::Readout
create table fold_model_target (
    fold_model_id bigint not null references fold_model on delete cascade,
    target_id bigint not null references target on delete cascade,
    "offset" double precision not null,
    reference double precision not null,
    mean double precision not null,
    sd double precision not null constraint fold_model_target_sd_positive check (sd > 0),
    scale text not null
        constraint fold_model_target_scale_known check (scale in ('logit', 'probability', 'linear', 'log_hazard')),
    primary key (fold_model_id, target_id)
);

-- The two numbers per tile that everything on the screen follows from: e, v interleaved, f32 little-endian, in the
-- grid's order. An array of Postgres would cost a header and four times the time to read.
create table terms (
    fold_model_id bigint not null references fold_model on delete cascade,
    target_id bigint not null references target on delete cascade,
    grid_id bigint not null references tile_grid on delete cascade,
    ev bytea not null,
    primary key (fold_model_id, target_id, grid_id),
    constraint terms_whole check (octet_length(ev) % 8 = 0)
);
create index terms_grid on terms (grid_id);
-- Floats do not compress: do not try.
alter table terms alter column ev set storage external;
alter table tile_grid alter column present set storage external;

-- That a model has predicted a slide, and the content version of what it said.
create table model_on_slide (
    model_id bigint not null references model on delete cascade,
    slide_id bigint not null references slide on delete cascade,
    terms_version text not null,
    predicted_at timestamptz not null default now(),
    primary key (model_id, slide_id)
);
create index model_on_slide_slide on model_on_slide (slide_id);

create table prediction (
    id bigint generated always as identity primary key,
    model_id bigint not null references model on delete cascade,
    target_id bigint not null references target on delete cascade,
    spot_id bigint references spot on delete cascade,
    slide_id bigint references slide on delete cascade,
    patient_id bigint references patient on delete cascade,
    score double precision not null,
    score_low double precision not null,
    score_high double precision not null,
    probability double precision,
    probability_low double precision,
    probability_high double precision,
    -- How many fold models spoke. With one there is no spread.
    fold_models integer not null constraint prediction_by_somebody check (fold_models > 0),
    constraint prediction_of_one check (num_nonnulls(spot_id, slide_id, patient_id) = 1),
    constraint prediction_spread_ordered check (score between score_low and score_high),
    constraint prediction_probability_whole
        check (num_nonnulls(probability, probability_low, probability_high) in (0, 3))
);
create unique index prediction_of_spot_taken on prediction (model_id, target_id, spot_id) where spot_id is not null;
create unique index prediction_of_slide_taken on prediction (model_id, target_id, slide_id) where slide_id is not null;
create unique index prediction_of_patient_taken
    on prediction (model_id, target_id, patient_id) where patient_id is not null;
create index prediction_slide on prediction (slide_id);
create index prediction_spot on prediction (spot_id);
