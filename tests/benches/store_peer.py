"""Other ways to keep the same numbers, for `store.rs`.

    python store_peer.py SYSTEM write FOLDER                 a training's numbers, in a new store below FOLDER
    python store_peer.py SYSTEM fill FOLDER RUNS             runs to ask about
    python store_peer.py SYSTEM ask FOLDER                   the two questions about 500 runs
    python store_peer.py sqlite queries FILE LAST SEEDS      two questions in SQL to a store of ours
SYSTEM is sqlite (the same schema by Python's own module), mlflow_file, mlflow_sqlite or trackio. Prints JSON; a system that
is not installed prints {}.
"""

import json
import os
import pathlib
import sqlite3
import statistics
import sys
import time

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "false"
SCHEMA = pathlib.Path(__file__).parents[2] / "migrations" / "sqlite"
CALLS = 300
REPEATS = 5


def size(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())


def median_ms(ask):
    ask()
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


class Sqlite:
    """What one would write by hand."""

    POINTS = 1_000_000

    def __init__(self, folder):
        self.db = sqlite3.connect(os.path.join(folder, "peer.db"), isolation_level=None)
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        if not self.db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            for part in sorted(SCHEMA.glob("*.sql")):
                self.db.executescript(part.read_text())
            self.db.execute("INSERT INTO work(id, uid, kind, json, created_ms) VALUES (1, 'w', 'fit', '{}', 0)")

    INSERT = "INSERT INTO scalar VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, t_ms = excluded.t_ms"

    def call(self, step):
        """Committed one by one."""
        self.db.execute(self.INSERT, (1, 1, step, 1.0 / (step + 1), int(time.time() * 1000)))

    def many(self, points):
        now = int(time.time() * 1000)
        for start in range(0, points, 1000):
            rows = [(1, 2 + at % 4, (start + at) // 4, 1.0 / (start + at + 1), now + start) for at in range(1000)]
            self.db.execute("BEGIN")
            self.db.executemany(self.INSERT, rows)
            self.db.execute("COMMIT")

    def close(self):
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()


class MlFlow:
    POINTS = 20_000

    def __init__(self, folder, uri):
        import logging

        from mlflow import MlflowClient

        logging.disable(logging.CRITICAL)
        self.client = MlflowClient(tracking_uri=uri)
        known = self.client.get_experiment_by_name("e")
        self.experiment = known.experiment_id if known else self.client.create_experiment("e")
        self.run = None

    def begin(self):
        self.run = self.client.create_run(self.experiment).info.run_id

    def call(self, step):
        self.client.log_metric(self.run, "m0", 1.0 / (step + 1), step=step)

    def many(self, points):
        from mlflow.entities import Metric

        for start in range(0, points, 1000):
            rows = [
                Metric(f"m{1 + at % 4}", 1.0 / (start + at + 1), 1_700_000_000_000 + start, (start + at) // 4)
                for at in range(1000)
            ]
            self.client.log_batch(self.run, metrics=rows)

    def fill(self, runs):
        from mlflow.entities import Metric, Param

        for at in range(runs):
            self.begin()
            rows = [Metric("loss", 1.0 / (step + at % 7), 0, step) for step in range(1, 21)]
            rows += [Metric(f"t{task}_{m}", 0.5 + (at * 31 + task * 7) % 97 / 1000, 0, 20) for task in range(10) for m in "af"]
            self.client.log_batch(self.run, metrics=rows, params=[Param("spec", str(at // 5)), Param("seed", str(at % 5))])

    def all(self):
        """A page holds at most 1,000 runs in newer versions, or as many as there are."""
        return self.client.search_runs([self.experiment], max_results=500)

    def last(self):
        return [run.data.metrics["loss"] for run in self.all()]

    def seeds(self):
        groups = {}
        for run in self.all():
            groups.setdefault(run.data.params["spec"], []).append(run.data.metrics["t9_f"])
        return {spec: (statistics.mean(values), statistics.stdev(values)) for spec, values in groups.items()}

    def close(self):
        pass


class Trackio:
    """Filled through its storage, as its server does."""

    POINTS = 20_000

    def __init__(self, folder):
        os.environ["TRACKIO_DIR"] = str(folder)
        from trackio.sqlite_storage import SQLiteStorage

        self.store = SQLiteStorage

    def call(self, step):
        self.store.bulk_log("p", "r", [{"m0": 1.0 / (step + 1)}], steps=[step])

    def many(self, points):
        for start in range(0, points, 1000):
            steps = range(start // 4, start // 4 + 250)
            rows = [{f"m{m}": 1.0 / (step + m + 1) for m in range(1, 5)} for step in steps]
            self.store.bulk_log("p", "r2", rows, steps=list(steps))

    def fill(self, runs):
        for at in range(runs):
            rows = [{"loss": 1.0 / (step + at % 7)} for step in range(1, 21)]
            rows[-1] |= {f"t{task}_{m}": 0.5 + (at * 31 + task * 7) % 97 / 1000 for task in range(10) for m in "af"}
            self.store.bulk_log("p", f"s{at // 5}-{at % 5}", rows, steps=list(range(1, 21)), config={"spec": at // 5})

    def rows(self):
        path = next(pathlib.Path(os.environ["TRACKIO_DIR"]).rglob("p*.db"))
        with sqlite3.connect(path) as db:
            return db.execute(
                "SELECT run_name, json_extract(metrics, '$.loss'), json_extract(metrics, '$.t9_f'), max(step) FROM metrics"
                " WHERE run_name LIKE 's%' GROUP BY run_name"
            ).fetchall()

    def last(self):
        return [row[1] for row in self.rows()]

    def seeds(self):
        groups = {}
        for name, _, value, _ in self.rows():
            groups.setdefault(name.split("-")[0], []).append(value)
        return {spec: (statistics.mean(values), statistics.stdev(values)) for spec, values in groups.items()}

    def close(self):
        pass


def system(name, folder):
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    match name:
        case "sqlite":
            return Sqlite(folder)
        case "mlflow_file":
            return MlFlow(folder, pathlib.Path(folder, "mlruns").as_uri())
        case "mlflow_sqlite":
            return MlFlow(folder, f"sqlite:///{folder}/mlflow.db")
        case "trackio":
            return Trackio(folder)


def write(peer, folder):
    if hasattr(peer, "begin"):
        peer.begin()
    peer.call(0)
    began = time.perf_counter()
    for step in range(1, CALLS + 1):
        peer.call(step)
    call = (time.perf_counter() - began) / CALLS
    before = size(folder)
    began = time.perf_counter()
    peer.many(peer.POINTS)
    took = time.perf_counter() - began
    peer.close()
    grown = size(folder) - before
    return {"call_us": call * 1e6, "rows_per_s": peer.POINTS / took, "bytes_per_point": grown / peer.POINTS}


def queries(path, last, seeds):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    return {
        "last_ms": median_ms(lambda: db.execute(last).fetchall()),
        "seeds_ms": median_ms(lambda: db.execute(seeds).fetchall()),
    }


def main():
    name, what, folder, *more = sys.argv[1:]
    try:
        if what == "queries":
            told = queries(folder, *more)
        else:
            peer = system(name, folder)
            if what == "write":
                told = write(peer, folder)
            elif what == "fill":
                peer.fill(int(more[0]))
                told = {"filled": True}
            else:
                told = {"last_ms": median_ms(peer.last), "seeds_ms": median_ms(peer.seeds)}
    except ImportError:
        told = {}
    print(json.dumps(told))


main()
