-- Views for people. Besides the stock shell's functions they use sqrt, which it has too. A view that changes is
-- dropped and made anew by a later migration.

CREATE VIEW v_works AS                                       -- one line per work, with its last attempt
 SELECT w.id, w.uid, w.kind, w.status, w.attempt AS attempts, w.owner, a.step, a.resumed_step, a.outcome, a.error,
   round((coalesce(a.ended_ms, a.heartbeat_ms) - a.started_ms)/1000.0, 1) AS secs, datetime(a.started_ms/1000, 'unixepoch') AS started,
   h.name AS host, a.numerics, a.mixed, substr(k.commit_id, 1, 10) AS code, k.dirty, w.json
 FROM work w LEFT JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt
 LEFT JOIN host h ON h.id = a.host_id LEFT JOIN code k ON k.id = a.code_id;

CREATE VIEW v_runs AS                                        -- one line per run and experiment that asks for it, in words
 SELECT r.id, r.uid, e.name AS experiment, x.label, x.place, c.uid AS spec, r.seed, r.scale, r.data, r.status,
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
   d.kind, d.world, s.protocol, s.data, s.part, s.task, s.class, s.metric, m.goal, s.value, s.n AS images, c.json AS config
 FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id AND r.status = 'done'
 JOIN spec c ON c.id = r.spec_id JOIN score s ON s.run_id = r.id JOIN metric m ON m.name = s.metric
 LEFT JOIN dataset d ON d.id = (SELECT max(t.dataset_id) FROM run_data t JOIN dataset b ON b.id = t.dataset_id
                                WHERE t.run_id = r.id AND b.name = s.data)
 WHERE EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id);

CREATE VIEW v_seeds AS                                       -- mean, sample standard deviation and number of seeds, never over
 SELECT g.experiment, g.label, g.place, g.spec_id, g.spec, g.scale, g.reads, g.kind, g.world,         -- different data or scales
   g.protocol, g.data, g.part, g.task, g.class, g.metric, g.goal, g.mean,
   CASE WHEN g.n > 1 THEN sqrt((                             -- a second pass, for sum(x^2) - n*mean^2 cancels
     SELECT sum((s.value - g.mean)*(s.value - g.mean)) FROM run r JOIN experiment_run x ON x.run_id = r.id
       JOIN score s ON s.run_id = r.id AND s.protocol = g.protocol AND s.data = g.data AND s.part = g.part
         AND s.task = g.task AND s.class = g.class AND s.metric = g.metric
     WHERE r.spec_id = g.spec_id AND r.scale = g.scale AND r.data = g.reads AND r.status = 'done' AND x.experiment_id = g.experiment_id
       AND EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id)
     )/(g.n - 1)) END AS std, g.n, g.nan, g.min, g.max, g.config
 FROM (SELECT v.*, e.id AS experiment_id, avg(v.value) AS mean, count(v.value) AS n, count(*) - count(v.value) AS nan,
         min(v.value) AS min, max(v.value) AS max
       FROM v_results v JOIN experiment e ON e.name = v.experiment
       GROUP BY v.experiment, v.spec_id, v.scale, v.reads, v.protocol, v.data, v.part, v.task, v.class, v.metric) g;

CREATE VIEW v_floors AS                                      -- what trivial predictors reach, beside every run that it bounds
 SELECT r.id AS run, r.uid, e.name AS experiment, x.label, x.place, r.spec_id, r.seed, r.scale, r.data AS reads, f.floor,
   f.protocol, f.data, f.part, f.task, f.class, f.metric, f.value, f.n AS images
 FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id
 JOIN run_work rw ON rw.run_id = r.id JOIN floor f ON f.work_id = rw.work_id;

CREATE VIEW v_curve AS                                       -- one line per point
 SELECT r.id AS run, r.uid, r.seed, w.id AS work, w.kind, m.name AS metric, m.clock, s.step, s.value, s.t_ms
 FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
 JOIN scalar s ON s.work_id = w.id JOIN metric m ON m.id = s.metric_id;

CREATE VIEW v_progress AS                                    -- one line per experiment
 SELECT e.name AS experiment, count(*) AS runs, sum(r.status = 'done') AS done, sum(r.status = 'running') AS running,
   sum(r.status = 'queued') AS queued, sum(r.status = 'failed') AS failed, sum(r.status = 'skipped') AS skipped,
   sum(r.status = 'running' AND EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id
     WHERE rw.run_id = r.id AND w.status = 'running' AND w.lease_until_ms < unixepoch()*1000)) AS stale,
   round(avg(CASE WHEN r.status = 'done' THEN r.finished_ms - r.started_ms END)/1000.0, 1) AS secs_per_run,
   round(avg(CASE WHEN r.status = 'done' THEN r.finished_ms - r.started_ms END)/1000.0
     * sum(r.status IN ('queued','running'))/max(1, sum(r.status = 'running'))/3600.0, 2) AS eta_hours
 FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id GROUP BY e.id;

CREATE VIEW v_failed AS                                      -- why runs failed, and which work's owner has fallen silent
 SELECT r.id AS run, r.uid, e.name AS experiment, x.label, r.seed, w.uid AS work, w.kind, a.n AS attempt, a.outcome, a.error,
   datetime(a.ended_ms/1000, 'unixepoch') AS ended, h.name AS host
 FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
 JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt JOIN host h ON h.id = a.host_id
 LEFT JOIN experiment_run x ON x.run_id = r.id LEFT JOIN experiment e ON e.id = x.experiment_id
 WHERE w.status = 'failed' OR (w.status = 'running' AND w.lease_until_ms < unixepoch()*1000);
