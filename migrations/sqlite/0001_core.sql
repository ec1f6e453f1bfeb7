-- The experiment database. One name per idea, singular table names; `x_id` is a number to join, `x` is a word;
-- `*_ms` are Unix milliseconds UTC; NULL in a `value` is NaN, for SQLite has no other way to keep it.
-- Public: run (status), attempt (outcome, resumed_step), scalar, score and the views of 0002.
PRAGMA application_id = 0x64696372;                          -- "dicr": this file is ours

CREATE TABLE store(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO store VALUES ('uid', lower(hex(randomblob(16))));

-- What is computed ------------------------------------------------------------------------------------------------
CREATE TABLE spec(                                           -- canonical JSON of a resolved experiment, seed excluded
  id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, json TEXT NOT NULL CHECK(json_valid(json))) STRICT;
CREATE TABLE param(                                          -- the same, flat and typed, for WHERE clauses
  spec_id INTEGER NOT NULL REFERENCES spec(id) ON DELETE CASCADE, key TEXT NOT NULL,
  num REAL, txt TEXT NOT NULL, PRIMARY KEY(spec_id, key)) STRICT, WITHOUT ROWID;
CREATE INDEX param_txt ON param(key, txt);
CREATE INDEX param_num ON param(key, num) WHERE num IS NOT NULL;

CREATE TABLE dataset(                                        -- a folder of images as it was read
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, fingerprint TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK(kind IN ('real','simulated')), world TEXT NOT NULL DEFAULT '',   -- world: which simulator's
  images INTEGER NOT NULL, contents TEXT,                    -- contents: hash of all bytes, when `data check` made one
  info TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(info))) STRICT;

CREATE TABLE run(                                            -- one row per (spec, seed, data); uid is the hash of the three
  id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, spec_id INTEGER NOT NULL REFERENCES spec(id),
  seed INTEGER NOT NULL, scale TEXT NOT NULL CHECK(scale IN ('paper','quick')),
  data TEXT NOT NULL,                                        -- run_data in words, sorted: equal text = equal data
  status TEXT NOT NULL DEFAULT 'queued' CHECK(status IN ('queued','running','done','failed','skipped')),
  created_ms INTEGER NOT NULL, started_ms INTEGER, finished_ms INTEGER) STRICT;
CREATE INDEX run_spec ON run(spec_id, seed);
CREATE INDEX run_status ON run(status);
CREATE TABLE run_data(                                       -- which data it reads, and what for
  run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, role TEXT NOT NULL,
  dataset_id INTEGER NOT NULL REFERENCES dataset(id), PRIMARY KEY(run_id, role, dataset_id)) STRICT, WITHOUT ROWID;
CREATE INDEX run_data_dataset ON run_data(dataset_id);

-- Who asks for it -------------------------------------------------------------------------------------------------
CREATE TABLE experiment(                                     -- one per #[experiment]
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, about TEXT NOT NULL, file TEXT NOT NULL) STRICT;
CREATE TABLE experiment_run(                                 -- two experiments that declare the same run share it
  experiment_id INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,
  run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
  label TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(label)), -- axis -> value
  place INTEGER NOT NULL,                                    -- position of the spec in the experiment, from 0
  declared_ms INTEGER NOT NULL,                              -- when the experiment last asked for it
  PRIMARY KEY(experiment_id, run_id)) STRICT, WITHOUT ROWID;
CREATE INDEX experiment_run_run ON experiment_run(run_id);

-- The plan's units, shared between runs ---------------------------------------------------------------------------
CREATE TABLE work(
  id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, json TEXT NOT NULL CHECK(json_valid(json)),
  status TEXT NOT NULL DEFAULT 'queued' CHECK(status IN ('queued','running','done','failed','skipped')),
  attempt INTEGER NOT NULL DEFAULT 0,                        -- the fence: only the attempt of this number may write
  owner TEXT, lease_until_ms INTEGER, created_ms INTEGER NOT NULL) STRICT;
CREATE INDEX work_open ON work(status) WHERE status IN ('queued','running');
CREATE TABLE work_parent(
  work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE,
  parent_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE, PRIMARY KEY(work_id, parent_id)) STRICT, WITHOUT ROWID;
CREATE INDEX work_parent_parent ON work_parent(parent_id);
CREATE TABLE run_work(
  run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE,
  place INTEGER NOT NULL, PRIMARY KEY(run_id, work_id)) STRICT, WITHOUT ROWID;
CREATE INDEX run_work_work ON run_work(work_id);

-- Who computed it, when, and how it ended -------------------------------------------------------------------------
CREATE TABLE code(
  id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, version TEXT NOT NULL, commit_id TEXT, dirty INTEGER CHECK(dirty IN (0,1)),
  sources TEXT NOT NULL, diff TEXT, lock TEXT, binary TEXT, build TEXT NOT NULL) STRICT;      -- sources: digest of what the build read
CREATE TABLE host(
  id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, os TEXT NOT NULL, cpu TEXT NOT NULL,
  cores INTEGER NOT NULL, ram_mb INTEGER NOT NULL) STRICT;
CREATE TABLE attempt(                                        -- one process that computed a work
  id INTEGER PRIMARY KEY, work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE, n INTEGER NOT NULL,
  code_id INTEGER NOT NULL REFERENCES code(id), host_id INTEGER NOT NULL REFERENCES host(id),
  pid INTEGER NOT NULL, args TEXT NOT NULL CHECK(json_valid(args)),
  numerics TEXT NOT NULL,                                    -- bits are the same within one class
  mixed INTEGER NOT NULL DEFAULT 0 CHECK(mixed IN (0,1)),    -- continued from a checkpoint of another class
  started_ms INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL, ended_ms INTEGER,
  resumed_step INTEGER, step INTEGER,                        -- checkpoint it began from, last checkpoint it wrote
  outcome TEXT CHECK(outcome IN ('done','error','panic','oom','nan','timeout','preempted','signal','lost')), error TEXT,
  UNIQUE(work_id, n)) STRICT;

-- What came out ---------------------------------------------------------------------------------------------------
CREATE TABLE metric(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL DEFAULT '', goal TEXT CHECK(goal IN ('max','min')),
  clock INTEGER NOT NULL DEFAULT 0 CHECK(clock IN (0,1))) STRICT;                -- clock: differs from machine to machine
INSERT INTO metric(name, unit, goal, clock) VALUES ('loss','','min',0), ('lr','',NULL,0), ('grad_norm','',NULL,0),
  ('images_per_s','images/s','max',1), ('accuracy','','max',0), ('f1_macro','','max',0), ('precision','','max',0),
  ('recall','','max',0), ('f1','','max',0), ('support','images',NULL,0);
CREATE TABLE scalar(                                         -- points of curves; logging a step again replaces it
  work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE, metric_id INTEGER NOT NULL REFERENCES metric(id),
  step INTEGER NOT NULL, value REAL, t_ms INTEGER NOT NULL,
  PRIMARY KEY(work_id, metric_id, step)) STRICT, WITHOUT ROWID;
CREATE TABLE artifact(                                       -- files that a work left; kind 'checkpoint' is what it resumes from
  work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE, name TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
  bytes INTEGER NOT NULL, blake3 TEXT NOT NULL, step INTEGER,
  attempt_id INTEGER NOT NULL REFERENCES attempt(id) ON DELETE CASCADE, t_ms INTEGER NOT NULL,
  PRIMARY KEY(work_id, name)) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_attempt ON artifact(attempt_id);
CREATE TABLE score(                                          -- evaluations; part '' = all images, class '' = the whole task
  run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, protocol TEXT NOT NULL, data TEXT NOT NULL, part TEXT NOT NULL,
  task TEXT NOT NULL, class TEXT NOT NULL, metric TEXT NOT NULL REFERENCES metric(name), value REAL, n INTEGER NOT NULL,
  attempt_id INTEGER NOT NULL REFERENCES attempt(id) ON DELETE CASCADE,
  PRIMARY KEY(run_id, protocol, data, part, task, class, metric)) STRICT, WITHOUT ROWID;
CREATE INDEX score_attempt ON score(attempt_id);
CREATE TABLE floor(                                          -- what trivial predictors reach; hangs on work, so that runs share it
  work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE,
  floor TEXT NOT NULL CHECK(floor IN ('constant','prior','hand_made','untrained')),
  protocol TEXT NOT NULL, data TEXT NOT NULL, part TEXT NOT NULL, task TEXT NOT NULL, class TEXT NOT NULL,
  metric TEXT NOT NULL REFERENCES metric(name), value REAL, n INTEGER NOT NULL,
  attempt_id INTEGER NOT NULL REFERENCES attempt(id) ON DELETE CASCADE,
  PRIMARY KEY(work_id, floor, protocol, data, part, task, class, metric)) STRICT, WITHOUT ROWID;
CREATE INDEX floor_attempt ON floor(attempt_id);

-- What the papers print -------------------------------------------------------------------------------------------
CREATE TABLE published(                                      -- filled by the program from reports/paper/*.csv
  paper TEXT NOT NULL, tbl TEXT NOT NULL, place INTEGER NOT NULL, model TEXT NOT NULL, condition TEXT NOT NULL,
  task TEXT NOT NULL, metric TEXT NOT NULL REFERENCES metric(name),
  value REAL, decimals INTEGER NOT NULL,                     -- NULL where the print is damaged
  flag TEXT NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY(paper, tbl, model, condition, task, metric)) STRICT, WITHOUT ROWID;
