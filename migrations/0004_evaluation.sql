-- How a model did on a target has become many numbers that are only ever read together: domain::view::Evaluation. Models of
-- before lack them, and their files have another format: they are trained anew.
delete from model;

alter table model_target
    drop constraint model_target_auroc_whole,
    drop column positives,
    drop column negatives,
    drop column auroc,
    drop column auroc_low,
    drop column auroc_high,
    add column evaluation jsonb not null;

-- Where the model stands in menus, the least first; then the older.
alter table model add column place integer not null default 0;
