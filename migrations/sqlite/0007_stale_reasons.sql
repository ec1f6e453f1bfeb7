-- Why numbers are stale, once specs had a second schema: work from before it names no schema among its revisions, and its
-- data have fingerprints of another kind, so that only the schema is given as the reason.

DROP VIEW v_stale;
CREATE VIEW v_stale AS                                       -- runs whose numbers would not come out again, and why
 WITH earlier AS (                                           -- work from before the schema that this program writes
   SELECT w.id FROM work w WHERE w.stale AND EXISTS (SELECT 1 FROM revision WHERE name = 'schema')
     AND NOT EXISTS (SELECT 1 FROM json_each(w.json, '$.revisions') e WHERE e.value ->> 0 = 'schema'))
 SELECT r.id AS run, r.uid, group_concat(s.why, '; ') AS why FROM (
   SELECT rw.run_id, 'declared under an earlier schema of specs' AS why
   FROM earlier w JOIN run_work rw ON rw.work_id = w.id
   UNION SELECT rw.run_id, w.kind || ': ' || v.name || ' was at revision ' || (e.value ->> 1) || ', is at ' || v.number
   FROM work w JOIN run_work rw ON rw.work_id = w.id JOIN json_each(w.json, '$.revisions') e
   JOIN revision v ON v.name = e.value ->> 0 AND v.number <> e.value ->> 1 WHERE w.stale AND w.id NOT IN earlier
   UNION SELECT rw.run_id, w.kind || ': ' || (e.value ->> 0) || ' is not part of the program any more'
   FROM work w JOIN run_work rw ON rw.work_id = w.id JOIN json_each(w.json, '$.revisions') e
   WHERE w.stale AND w.id NOT IN earlier AND e.value ->> 0 NOT IN (SELECT name FROM revision)
   UNION SELECT rd.run_id, 'the data ' || d.name || ' have changed' FROM dataset d JOIN run_data rd ON rd.dataset_id = d.id
   WHERE d.stale AND NOT EXISTS (SELECT 1 FROM run_work rw JOIN earlier w ON w.id = rw.work_id WHERE rw.run_id = rd.run_id)
 ) s JOIN run r ON r.id = s.run_id GROUP BY r.id;
