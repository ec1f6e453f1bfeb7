-- The published rows beside what was measured, from the runs that reproduce one only: 10,000 other runs cost nothing. And
-- durations that a clock set back in the middle had made negative are 0.
DROP VIEW v_paper;

CREATE VIEW v_paper AS                                       -- one line per published number and measured system of its row
 WITH placed AS MATERIALIZED (                                  -- finished runs of specs that reproduce a published row
   SELECT c.paper, c.tbl, c.model, c.condition, c.against, c.spec_id, c.protocol, c.data, r.id AS run, r.scale, r.data AS reads,
     EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
       OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset b ON b.id = rd.dataset_id AND b.stale WHERE rd.run_id = r.id) AS stale,
     (SELECT max(t.dataset_id) FROM run_data t JOIN dataset b ON b.id = t.dataset_id
      WHERE t.run_id = r.id AND b.name = c.data) AS dataset_id
   FROM placement c JOIN run r ON r.spec_id = c.spec_id AND r.status = 'done'),
 number AS MATERIALIZED (
   SELECT o.paper, o.tbl, o.model, o.condition, o.against, o.spec_id, o.scale, o.reads, o.stale, o.protocol, o.data, s.task, s.metric,
     s.value, o.dataset_id
   FROM placed o JOIN score s ON s.run_id = o.run AND s.protocol = o.protocol AND s.data = o.data AND s.part = '' AND s.class = ''
   JOIN published p ON p.paper = o.paper AND p.tbl = o.tbl AND p.model = o.model AND p.condition = o.condition AND p.task = s.task
     AND p.metric = s.metric AND p.task <> ''
   WHERE EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = o.run)),
 mean AS MATERIALIZED (
   SELECT *, avg(value) AS mean, count(value) AS n FROM number
   GROUP BY paper, tbl, model, condition, spec_id, scale, reads, stale, protocol, data, task, metric),
 spread AS MATERIALIZED (                                      -- a second pass, for sum(x^2) - n*mean^2 cancels
   SELECT m.*, sum((x.value - m.mean)*(x.value - m.mean))/(m.n - 1) AS square
   FROM mean m JOIN number x ON x.paper = m.paper AND x.tbl = m.tbl AND x.model = m.model AND x.condition = m.condition
     AND x.spec_id = m.spec_id AND x.scale = m.scale AND x.reads = m.reads AND x.stale = m.stale AND x.protocol = m.protocol
     AND x.data = m.data AND x.task = m.task AND x.metric = m.metric
   GROUP BY m.paper, m.tbl, m.model, m.condition, m.spec_id, m.scale, m.reads, m.stale, m.protocol, m.data, m.task, m.metric),
 system AS MATERIALIZED (
   SELECT p.*, c.uid AS spec, d.kind, d.world,
     (SELECT min(e.name) FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id
      JOIN run r ON r.id = x.run_id WHERE r.spec_id = p.spec_id) AS experiment,                 -- a shared spec is there once
     CASE WHEN p.n > 1 THEN (WITH RECURSIVE root(square, x) AS (SELECT p.square, 0.5*p.square + 0.5*(p.square > 0)
       UNION ALL SELECT square, (x + square/x)/2 FROM root WHERE (x + square/x)/2 < x) SELECT min(x) FROM root) END AS std
   FROM spread p JOIN spec c ON c.id = p.spec_id LEFT JOIN dataset d ON d.id = p.dataset_id),
 s AS MATERIALIZED (
   SELECT v.*, (SELECT t FROM student WHERE freedom <= v.n - 1 ORDER BY freedom DESC LIMIT 1) * v.std * (
     WITH RECURSIVE root(square, x) AS (SELECT 1.0 + 1.0/v.n, 1.0 + 0.5/v.n UNION ALL
     SELECT square, (x + square/x)/2 FROM root WHERE (x + square/x)/2 < x) SELECT min(x) FROM root) AS reach
   FROM system v)
 SELECT p.paper, p.tbl, p.place, p.model, p.condition, p.task, p.metric, p.value AS published, p.decimals, p.flag,
   s.experiment, s.spec, s.kind, s.world, s.scale, s.mean AS measured, s.std, s.n, s.mean - p.value AS difference,
   s.mean - s.reach AS low, s.mean + s.reach AS high,        -- where another training would lie in 95 of 100 cases; at three
   CASE WHEN p.value IS NULL THEN 'print is damaged'         -- seeds about five standard deviations to each side
     WHEN s.spec IS NULL THEN 'missing'
     WHEN s.kind <> 'real' THEN 'not comparable: the data are simulated'
     WHEN s.scale <> 'paper' THEN 'not comparable: the scale is ' || s.scale
     WHEN s.against <> '' THEN 'not comparable: ' || s.against
     WHEN s.stale THEN 'not comparable: stale'
     WHEN abs(round(s.mean, p.decimals) - p.value) < 1e-9 THEN 'same digits'
     WHEN s.reach IS NULL THEN 'one seed has no interval'
     WHEN p.value BETWEEN s.mean - s.reach AND s.mean + s.reach THEN 'inside' ELSE 'outside' END AS verdict
 FROM published p LEFT JOIN s
   ON s.paper = p.paper AND s.tbl = p.tbl AND s.model = p.model AND s.condition = p.condition AND s.task = p.task
   AND s.metric = p.metric
 WHERE p.task <> '';

DROP VIEW v_runs;

CREATE VIEW v_runs AS                                        -- one line per run and experiment that asks for it, in words
 SELECT r.id, r.uid, e.name AS experiment, x.label, x.place, c.uid AS spec, r.seed, r.scale, r.data, r.status,
   EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
     OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset d ON d.id = rd.dataset_id AND d.stale WHERE rd.run_id = r.id) AS stale,
   (SELECT group_concat(t.tag, ' ') FROM tag t WHERE t.run_id = r.id) AS tags,
   (SELECT count(*) FROM run_work w WHERE w.run_id = r.id) AS works,
   (SELECT count(*) FROM run_work rw JOIN work w ON w.id = rw.work_id WHERE rw.run_id = r.id AND w.status = 'done') AS works_done,
   datetime(r.started_ms/1000, 'unixepoch') AS started,
   (SELECT round(sum(max(0, coalesce(a.ended_ms, a.heartbeat_ms) - a.started_ms))/1000.0, 1)
      FROM run_work w JOIN attempt a ON a.work_id = w.work_id WHERE w.run_id = r.id) AS secs,
   h.name AS host, a.numerics,
   (SELECT max(a.mixed) FROM run_work w JOIN attempt a ON a.work_id = w.work_id WHERE w.run_id = r.id) AS mixed,
   substr(k.commit_id, 1, 10) AS code, k.dirty, a.outcome, a.error, c.json AS config
 FROM run r JOIN spec c ON c.id = r.spec_id
 LEFT JOIN experiment_run x ON x.run_id = r.id LEFT JOIN experiment e ON e.id = x.experiment_id
 LEFT JOIN attempt a ON a.id = (SELECT max(b.id) FROM run_work w JOIN attempt b ON b.work_id = w.work_id WHERE w.run_id = r.id)
 LEFT JOIN host h ON h.id = a.host_id LEFT JOIN code k ON k.id = a.code_id;
