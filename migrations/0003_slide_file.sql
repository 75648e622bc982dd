-- When the file was last modified, as it was when its hash was last found right: Unix time, ns. Only compared, never shown:
-- a file with this time and length is taken for the one that was imported, any other is hashed. Null for slides that were
-- imported before this was kept.
alter table slide add column modified_ns bigint;
