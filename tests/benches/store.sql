-- A store of as many runs as the table `n` has numbers, for `store.rs`: 500 to an experiment, which are 100 specs with
-- five seeds each. A run trains (two curves of 20 points) and is scored (ten tasks, two numbers each). One statement
-- ends with each line that ends with a semicolon.
INSERT INTO dataset(id, name, fingerprint, kind, world, images) VALUES (1, 'chammi', 'f00d', 'simulated', '1', 900);
INSERT INTO code(id, hash, version, sources, build) VALUES (1, 'c', '0', 's', 'release');
INSERT INTO host(id, hash, name, os, cpu, cores, ram_mb) VALUES (1, 'h', 'bench', 'linux', 'x', 2, 8192);
INSERT INTO experiment(id, name, about, file) SELECT i/500 + 1, 'e' || (i/500), 'A benchmark.', 'e.rs' FROM n WHERE i % 500 = 0;
INSERT INTO spec(id, uid, json) SELECT i/5 + 1, printf('%012x', i/5), '{"train":{"lr":0.001}}' FROM n WHERE i % 5 = 0;
INSERT INTO param(spec_id, key, num, txt) SELECT i/5 + 1, 'train.' || (i % 5), i, i FROM n;
INSERT INTO run(id, uid, spec_id, seed, scale, data, status, created_ms, started_ms, finished_ms)
 SELECT i + 1, printf('%016x', i * 2654435761), i/5 + 1, i % 5, 'paper', 'train=chammi@f00d', 'done', 0, 1000, 2000 FROM n;
INSERT INTO run_data(run_id, role, dataset_id) SELECT i + 1, 'train', 1 FROM n;
INSERT INTO experiment_run(experiment_id, run_id, label, place, declared_ms)
 SELECT i/500 + 1, i + 1, json_object('lr', i/5 % 100), i/5 % 100, 0 FROM n;
INSERT INTO work(id, uid, kind, json, status, attempt, created_ms)
 SELECT 2*i + 1 + k.column1, printf('%d%016x', k.column1, i), k.column2, '{}', 'done', 1, 0 FROM n, (VALUES (0, 'fit'), (1, 'score')) k ORDER BY 1;
INSERT INTO run_work(run_id, work_id, place) SELECT i + 1, 2*i + 1 + k.column1, k.column1 FROM n, (VALUES (0), (1)) k;
INSERT INTO attempt(id, work_id, n, code_id, host_id, pid, args, numerics, started_ms, heartbeat_ms, ended_ms, outcome)
 SELECT id, id, 1, 1, 1, 1, '[]', 'cpu', 0, 1000, 1000, 'done' FROM work;
INSERT INTO scalar(work_id, metric_id, step, value, t_ms)
 SELECT 2*i + 1, m.id, s.value, 1.0/(s.value + i % 7), 1700000000000 + 100*s.value
 FROM n, metric m, json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]') s WHERE m.name IN ('loss', 'lr') ORDER BY 1, 2, 3;
INSERT INTO score(run_id, protocol, data, part, task, class, metric, value, n, attempt_id)
 SELECT i + 1, 'one_nn_cosine', 'chammi', '', t.value, '', m.name, 0.5 + (i*31 + t.key*7) % 97 / 1000.0, 90, 2*i + 2
 FROM n, json_each('["Allen/Task_one","Allen/Task_two","HPA/Task_one","HPA/Task_two","HPA/Task_three","CP/Task_one","CP/Task_two","CP/Task_three","CP/Task_four","cps"]') t,
   metric m WHERE m.name IN ('accuracy', 'f1_macro') ORDER BY 1, 5, 7;
