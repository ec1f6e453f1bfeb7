-- Any SQLite opens a store: square roots by Newton's steps, because sqrt is in SQLite only where it was built so. From
-- above, (x + square/x)/2 falls until it is the root, at most one unit in the last place away; of 0 and NULL it is those.

DROP VIEW v_paper; DROP VIEW v_seeds;

CREATE VIEW v_seeds AS                                       -- mean, sample standard deviation and number of seeds, never over
 SELECT g.experiment, g.label, g.place, g.spec_id, g.spec, g.scale, g.reads, g.stale, g.kind, g.world,   -- different data, scales
   g.protocol, g.data, g.part, g.task, g.class, g.metric, g.goal, g.mean,                                -- or revisions of the code
   CASE WHEN g.n > 1 THEN (WITH RECURSIVE root(square, x) AS (
     SELECT square, 0.5*square + 0.5*(square > 0) FROM (SELECT                  -- a second pass, for sum(x^2) - n*mean^2 cancels
       sum((s.value - g.mean)*(s.value - g.mean))/(g.n - 1) AS square
       FROM run r JOIN experiment_run x ON x.run_id = r.id
         JOIN score s ON s.run_id = r.id AND s.protocol = g.protocol AND s.data = g.data AND s.part = g.part
           AND s.task = g.task AND s.class = g.class AND s.metric = g.metric
       WHERE r.spec_id = g.spec_id AND r.scale = g.scale AND r.data = g.reads AND r.status = 'done' AND x.experiment_id = g.experiment_id
         AND g.stale = (EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
           OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset b ON b.id = rd.dataset_id AND b.stale WHERE rd.run_id = r.id))
         AND EXISTS (SELECT 1 FROM attempt a JOIN run_work rw ON rw.work_id = a.work_id WHERE a.id = s.attempt_id AND rw.run_id = r.id)
     ) UNION ALL SELECT square, (x + square/x)/2 FROM root WHERE (x + square/x)/2 < x) SELECT min(x) FROM root) END AS std,
   g.n, g.nan, g.min, g.max, g.config
 FROM (SELECT v.*, e.id AS experiment_id, avg(v.value) AS mean, count(v.value) AS n, count(*) - count(v.value) AS nan,
         min(v.value) AS min, max(v.value) AS max
       FROM v_results v JOIN experiment e ON e.name = v.experiment
       GROUP BY v.experiment, v.spec_id, v.scale, v.reads, v.stale, v.protocol, v.data, v.part, v.task, v.class, v.metric) g;

CREATE VIEW v_paper AS                                       -- one line per printed number and measured system of its row
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
 FROM published p LEFT JOIN (
   SELECT c.paper, c.tbl, c.model, c.condition, c.against, v.*,
     (SELECT t FROM student WHERE freedom <= v.n - 1 ORDER BY freedom DESC LIMIT 1) * v.std * (
       WITH RECURSIVE root(square, x) AS (SELECT 1.0 + 1.0/v.n, 1.0 + 0.5/v.n UNION ALL
       SELECT square, (x + square/x)/2 FROM root WHERE (x + square/x)/2 < x) SELECT min(x) FROM root) AS reach
   FROM placement c JOIN v_seeds v ON v.spec_id = c.spec_id AND v.protocol = c.protocol AND v.data = c.data
     AND v.part = '' AND v.class = ''
   WHERE v.experiment = (SELECT min(e.name) FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id
                         JOIN run r ON r.id = x.run_id WHERE r.spec_id = c.spec_id)) s   -- a shared spec stands there once
   ON s.paper = p.paper AND s.tbl = p.tbl AND s.model = p.model AND s.condition = p.condition AND s.task = p.task
   AND s.metric = p.metric
 WHERE p.task <> '';
