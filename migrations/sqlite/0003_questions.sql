-- What people ask beside "what came out": is it still true, does it agree with print, who marked it, what did it cost.

-- What has grown old ------------------------------------------------------------------------------------------------
CREATE TABLE revision(                                       -- of the code, as the last program that wrote here has it
  name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
ALTER TABLE work ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK(stale IN (0,1));    -- of another revision than that
ALTER TABLE dataset ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK(stale IN (0,1)); -- another has taken over its name
CREATE INDEX work_stale ON work(id) WHERE stale;
CREATE INDEX dataset_name ON dataset(name, kind, world);

-- What people say ---------------------------------------------------------------------------------------------------
CREATE TABLE tag(
  run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY(run_id, tag)) STRICT, WITHOUT ROWID;
CREATE INDEX tag_tag ON tag(tag);
CREATE TABLE note(
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, text TEXT NOT NULL,
  t_ms INTEGER NOT NULL) STRICT;
CREATE INDEX note_run ON note(run_id);

-- What it costs -----------------------------------------------------------------------------------------------------
CREATE TABLE sample(                                         -- of the process, every ten seconds of an attempt
  attempt_id INTEGER NOT NULL REFERENCES attempt(id) ON DELETE CASCADE, t_ms INTEGER NOT NULL,
  cpu_s REAL,                                                -- seconds of processors used since the process began
  rss_mb REAL,                                               -- memory that it holds
  load REAL,                                                 -- processes that want a processor, on the whole computer
  gpu_mb REAL, gpu_busy REAL,                                -- memory in use and share of time at work of its accelerator
  PRIMARY KEY(attempt_id, t_ms)) STRICT, WITHOUT ROWID;
ALTER TABLE code ADD COLUMN diff_z BLOB;                     -- the diff, deflated: sqlar_uncompress(diff_z, diff_bytes) in
ALTER TABLE code ADD COLUMN diff_bytes INTEGER;              -- sqlite3; `diff` holds those of programs before this schema

UPDATE artifact SET path = substr(path, instr(path, '.d/work/') + 3) WHERE instr(path, '.d/work/') > 0;
                                                             -- seen from <store>.d, so that a store can be renamed with it

-- Beside print ------------------------------------------------------------------------------------------------------
CREATE TABLE placement(                                      -- the printed row that a spec stands in
  spec_id INTEGER NOT NULL REFERENCES spec(id) ON DELETE CASCADE, paper TEXT NOT NULL, tbl TEXT NOT NULL,
  model TEXT NOT NULL, condition TEXT NOT NULL, protocol TEXT NOT NULL, data TEXT NOT NULL,
  against TEXT NOT NULL,                                     -- why print cannot have come from it; '' if it can
  PRIMARY KEY(spec_id, paper, tbl)) STRICT, WITHOUT ROWID;
CREATE INDEX placement_row ON placement(paper, tbl, model, condition);
CREATE TABLE student(                                        -- 97.5th percentile of Student's t
  freedom INTEGER PRIMARY KEY, t REAL NOT NULL) STRICT;
INSERT INTO student VALUES (1,12.706204736),(2,4.302652730),(3,3.182446305),(4,2.776445105),(5,2.570581836),(6,2.446911851),
  (7,2.364624252),(8,2.306004135),(9,2.262157163),(10,2.228138852),(11,2.200985160),(12,2.178812830),(13,2.160368656),
  (14,2.144786688),(15,2.131449546),(16,2.119905299),(17,2.109815578),(18,2.100922040),(19,2.093024054),(20,2.085963447),
  (25,2.059538553),(30,2.042272456),(40,2.021075390),(60,2.000297822),(120,1.979930405),(1000,1.962339081);

-- Views, made anew ----------------------------------------------------------------------------------------------------
DROP VIEW v_runs; DROP VIEW v_results; DROP VIEW v_seeds; DROP VIEW v_progress;

CREATE VIEW v_stale AS                                       -- runs whose numbers would not come out again, and why
 SELECT r.id AS run, r.uid, group_concat(s.why, '; ') AS why FROM (
   SELECT DISTINCT rw.run_id, w.kind || ': ' || v.name || ' was at revision ' || (e.value ->> 1) || ', is at ' || v.number AS why
   FROM work w JOIN run_work rw ON rw.work_id = w.id JOIN json_each(w.json, '$.revisions') e
   JOIN revision v ON v.name = e.value ->> 0 AND v.number <> e.value ->> 1 WHERE w.stale
   UNION SELECT rd.run_id, 'the data ' || d.name || ' have changed' FROM dataset d JOIN run_data rd ON rd.dataset_id = d.id
   WHERE d.stale) s JOIN run r ON r.id = s.run_id GROUP BY r.id;

CREATE VIEW v_runs AS                                        -- one line per run and experiment that asks for it, in words
 SELECT r.id, r.uid, e.name AS experiment, x.label, x.place, c.uid AS spec, r.seed, r.scale, r.data, r.status,
   EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
     OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset d ON d.id = rd.dataset_id AND d.stale WHERE rd.run_id = r.id) AS stale,
   (SELECT group_concat(t.tag, ' ') FROM tag t WHERE t.run_id = r.id) AS tags,
   (SELECT count(*) FROM run_work w WHERE w.run_id = r.id) AS works,
   (SELECT count(*) FROM run_work rw JOIN work w ON w.id = rw.work_id WHERE rw.run_id = r.id AND w.status = 'done') AS works_done,
   datetime(r.started_ms/1000, 'unixepoch') AS started,
   (SELECT round(sum(coalesce(a.ended_ms, a.heartbeat_ms) - a.started_ms)/1000.0, 1)
      FROM run_work w JOIN attempt a ON a.work_id = w.work_id WHERE w.run_id = r.id) AS secs,
   h.name AS host, a.numerics,
   (SELECT max(a.mixed) FROM run_work w JOIN attempt a ON a.work_id = w.work_id WHERE w.run_id = r.id) AS mixed,
   substr(k.commit_id, 1, 10) AS code, k.dirty, a.outcome, a.error, c.json AS config
 FROM run r JOIN spec c ON c.id = r.spec_id
 LEFT JOIN experiment_run x ON x.run_id = r.id LEFT JOIN experiment e ON e.id = x.experiment_id
 LEFT JOIN attempt a ON a.id = (SELECT max(b.id) FROM run_work w JOIN attempt b ON b.work_id = w.work_id WHERE w.run_id = r.id)
 LEFT JOIN host h ON h.id = a.host_id LEFT JOIN code k ON k.id = a.code_id;

CREATE VIEW v_results AS                                     -- one line per number of a finished run, from its present work only
 SELECT r.id AS run, r.uid, e.name AS experiment, x.label, x.place, r.spec_id, c.uid AS spec, r.seed, r.scale, r.data AS reads,
   EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
     OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset b ON b.id = rd.dataset_id AND b.stale WHERE rd.run_id = r.id) AS stale,
   d.kind, d.world, s.protocol, s.data, s.part, s.task, s.class, s.metric, m.goal, s.value, s.n AS images, c.json AS config
 FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id AND r.status = 'done'
 JOIN spec c ON c.id = r.spec_id JOIN score s ON s.run_id = r.id JOIN metric m ON m.name = s.metric
 LEFT JOIN dataset d ON d.id = (SELECT max(t.dataset_id) FROM run_data t JOIN dataset b ON b.id = t.dataset_id
                                WHERE t.run_id = r.id AND b.name = s.data)
 WHERE EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id);

CREATE VIEW v_seeds AS                                       -- mean, sample standard deviation and number of seeds, never over
 SELECT g.experiment, g.label, g.place, g.spec_id, g.spec, g.scale, g.reads, g.stale, g.kind, g.world,   -- different data, scales
   g.protocol, g.data, g.part, g.task, g.class, g.metric, g.goal, g.mean,                                -- or revisions of the code
   CASE WHEN g.n > 1 THEN sqrt((                             -- a second pass, for sum(x^2) - n*mean^2 cancels
     SELECT sum((s.value - g.mean)*(s.value - g.mean)) FROM run r JOIN experiment_run x ON x.run_id = r.id
       JOIN score s ON s.run_id = r.id AND s.protocol = g.protocol AND s.data = g.data AND s.part = g.part
         AND s.task = g.task AND s.class = g.class AND s.metric = g.metric
     WHERE r.spec_id = g.spec_id AND r.scale = g.scale AND r.data = g.reads AND r.status = 'done' AND x.experiment_id = g.experiment_id
       AND g.stale = (EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
         OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset b ON b.id = rd.dataset_id AND b.stale WHERE rd.run_id = r.id))
       AND EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id)
     )/(g.n - 1)) END AS std, g.n, g.nan, g.min, g.max, g.config
 FROM (SELECT v.*, e.id AS experiment_id, avg(v.value) AS mean, count(v.value) AS n, count(*) - count(v.value) AS nan,
         min(v.value) AS min, max(v.value) AS max
       FROM v_results v JOIN experiment e ON e.name = v.experiment
       GROUP BY v.experiment, v.spec_id, v.scale, v.reads, v.stale, v.protocol, v.data, v.part, v.task, v.class, v.metric) g;

CREATE VIEW v_progress AS                                    -- one line per experiment; work that runs share is counted once
 SELECT experiment, runs, done, running, queued, failed, skipped, silent, round(secs/nullif(done, 0), 1) AS secs_per_run,
   round(secs/nullif(done, 0)*(queued + running)/max(1, running)/3600.0, 2) AS eta_hours
 FROM (SELECT e.name AS experiment, count(*) AS runs, sum(r.status = 'done') AS done, sum(r.status = 'running') AS running,
     sum(r.status = 'queued') AS queued, sum(r.status = 'failed') AS failed, sum(r.status = 'skipped') AS skipped,
     sum(r.status = 'running' AND EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id    -- its owner says nothing
       WHERE rw.run_id = r.id AND w.status = 'running' AND w.lease_until_ms < unixepoch()*1000)) AS silent,
     (SELECT sum(a.ended_ms - a.started_ms)/1000.0 FROM attempt a WHERE a.outcome = 'done' AND a.work_id IN (
       SELECT rw.work_id FROM experiment_run y JOIN run q ON q.id = y.run_id AND q.status = 'done'
       JOIN run_work rw ON rw.run_id = q.id WHERE y.experiment_id = e.id)) AS secs
   FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id GROUP BY e.id);

CREATE VIEW v_pairs AS                                       -- two systems of one experiment on the same data, seed by seed: `with` minus
 SELECT a.experiment, a.label AS "with", b.label AS "without", a.scale, a.reads, a.kind, a.world, a.protocol, a.data, a.part,   -- `without`
   a.task, a.class, a.metric, avg(a.value - b.value) AS difference, count(a.value - b.value) AS n,
   min(a.value - b.value) AS min, max(a.value - b.value) AS max
 FROM v_results a JOIN v_results b ON b.experiment = a.experiment AND b.spec_id <> a.spec_id AND b.seed = a.seed
   AND b.scale = a.scale AND b.reads = a.reads AND b.stale = a.stale AND b.protocol = a.protocol AND b.data = a.data
   AND b.part = a.part AND b.task = a.task AND b.class = a.class AND b.metric = a.metric
 GROUP BY a.experiment, a.spec_id, b.spec_id, a.scale, a.reads, a.stale, a.protocol, a.data, a.part, a.task, a.class, a.metric;

CREATE VIEW v_paper AS                                       -- one line per printed number and measured system of its row
 SELECT p.paper, p.tbl, p.place, p.model, p.condition, p.task, p.metric, p.value AS published, p.decimals, p.flag,
   s.experiment, s.spec, s.kind, s.world, s.scale, s.mean AS measured, s.std, s.n, s.mean - p.value AS difference,
   s.low, s.high,                                            -- where another training would lie in 95 of 100 cases; at three
   CASE WHEN p.value IS NULL THEN 'print is damaged'         -- seeds about five standard deviations to each side
     WHEN s.spec IS NULL THEN 'missing'
     WHEN s.kind <> 'real' THEN 'not comparable: the data are simulated'
     WHEN s.scale <> 'paper' THEN 'not comparable: the scale is ' || s.scale
     WHEN s.against <> '' THEN 'not comparable: ' || s.against
     WHEN s.stale THEN 'not comparable: stale'
     WHEN abs(round(s.mean, p.decimals) - p.value) < 1e-9 THEN 'same digits'
     WHEN s.low IS NULL THEN 'one seed has no interval'
     WHEN p.value BETWEEN s.low AND s.high THEN 'inside' ELSE 'outside' END AS verdict
 FROM published p LEFT JOIN (
   SELECT c.paper, c.tbl, c.model, c.condition, c.against, v.*,
     v.mean - (SELECT t FROM student WHERE freedom <= v.n - 1 ORDER BY freedom DESC LIMIT 1) * v.std * sqrt(1.0 + 1.0/v.n) AS low,
     v.mean + (SELECT t FROM student WHERE freedom <= v.n - 1 ORDER BY freedom DESC LIMIT 1) * v.std * sqrt(1.0 + 1.0/v.n) AS high
   FROM placement c JOIN v_seeds v ON v.spec_id = c.spec_id AND v.protocol = c.protocol AND v.data = c.data
     AND v.part = '' AND v.class = ''
   WHERE v.experiment = (SELECT min(e.name) FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id
                         JOIN run r ON r.id = x.run_id WHERE r.spec_id = c.spec_id)) s   -- a shared spec stands there once
   ON s.paper = p.paper AND s.tbl = p.tbl AND s.model = p.model AND s.condition = p.condition AND s.task = p.task
   AND s.metric = p.metric
 WHERE p.task <> '';
