-- A fifth floor: hand-made features of images whose channels were each standardised. The list of names is a constraint, so
-- that the table is made anew; its view would refer to nothing while the new table takes the old one's name.
DROP VIEW v_floors;

CREATE TABLE floor_new(                                      -- what trivial predictors reach; a work's, so that runs share it
  work_id INTEGER NOT NULL REFERENCES work(id) ON DELETE CASCADE,
  floor TEXT NOT NULL CHECK(floor IN ('constant','prior','hand_made','hand_made_standardised','untrained')),
  protocol TEXT NOT NULL, data TEXT NOT NULL, part TEXT NOT NULL, task TEXT NOT NULL, class TEXT NOT NULL,
  metric TEXT NOT NULL REFERENCES metric(name), value REAL, n INTEGER NOT NULL,
  attempt_id INTEGER NOT NULL REFERENCES attempt(id) ON DELETE CASCADE,
  PRIMARY KEY(work_id, floor, protocol, data, part, task, class, metric)) STRICT, WITHOUT ROWID;
INSERT INTO floor_new SELECT work_id, floor, protocol, data, part, task, class, metric, value, n, attempt_id FROM floor;
DROP TABLE floor;
ALTER TABLE floor_new RENAME TO floor;
CREATE INDEX floor_attempt ON floor(attempt_id);

CREATE VIEW v_floors AS                                      -- what trivial predictors reach, beside every run that it bounds
 SELECT r.id AS run, r.uid, e.name AS experiment, x.label, x.place, r.spec_id, r.seed, r.scale, r.data AS reads, f.floor,
   f.protocol, f.data, f.part, f.task, f.class, f.metric, f.value, f.n AS images
 FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id
 JOIN run_work rw ON rw.run_id = r.id JOIN floor f ON f.work_id = rw.work_id;
