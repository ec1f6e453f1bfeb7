-- A spec may reproduce several rows of one published table: one for each target domain, say.

CREATE TEMP TABLE kept AS SELECT * FROM placement;
DROP TABLE placement;
CREATE TABLE placement(                                      -- the published rows that a spec reproduces
  spec_id INTEGER NOT NULL REFERENCES spec(id) ON DELETE CASCADE, paper TEXT NOT NULL, tbl TEXT NOT NULL,
  model TEXT NOT NULL, condition TEXT NOT NULL, protocol TEXT NOT NULL, data TEXT NOT NULL,
  against TEXT NOT NULL,                                     -- why its numbers cannot have come from the spec; '' if they can
  PRIMARY KEY(spec_id, paper, tbl, model, condition)) STRICT, WITHOUT ROWID;
CREATE INDEX placement_row ON placement(paper, tbl, model, condition);
INSERT INTO placement SELECT spec_id, paper, tbl, model, condition, protocol, data, against FROM temp.kept;
DROP TABLE temp.kept;
