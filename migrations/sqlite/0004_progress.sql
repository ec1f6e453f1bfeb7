-- How far somebody is at this moment, and quick answers to "which runs are the best".

ALTER TABLE attempt ADD COLUMN doing TEXT;                   -- 'training', 'embedding': written about once a second, as are
ALTER TABLE attempt ADD COLUMN unit TEXT;                    -- 'step', 'image': what is counted
ALTER TABLE attempt ADD COLUMN done INTEGER;                 -- how many of them, with those of earlier attempts
ALTER TABLE attempt ADD COLUMN total INTEGER;                -- of how many
ALTER TABLE attempt ADD COLUMN units_per_s REAL;             -- by this attempt, since it began doing this

-- Ten numbers of each run instead of hundreds.
CREATE INDEX score_f1 ON score(run_id, task, value, attempt_id) WHERE metric = 'f1_macro' AND class = '' AND part = '';
