"""The searches of CHAMMI's evaluator by faiss (flat, exact, cosine), for `score.rs`.

    python score_peer.py FOLDER THREADS
prints {"search_seconds": …}: building the indices and searching, for nine tasks; a task that leaves groups out searches
each group in an index of Train and all other groups, as the published evaluator does.
"""

import csv
import json
import sys
import time

import faiss
import numpy as np

GROUPS = {"HPA": ("Task_three", "cell_type"), "CP": ("Task_four", "Plate")}


def search(references, queries):
    index = faiss.IndexFlatIP(references.shape[1])
    index.add(references)
    return index.search(queries, 1)


def main():
    root, threads = sys.argv[1], int(sys.argv[2])
    faiss.omp_set_num_threads(threads)
    seconds = 0.0
    for name in ("Allen", "HPA", "CP"):
        with open(f"{root}/{name}/enriched_meta.csv") as file:
            rows = list(csv.DictReader(file))
        features = np.load(f"{root}/{name}/features.npy")
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        split = np.array([row["train_test_split"] for row in rows])
        train = features[split == "Train"]
        for task in sorted(set(split) - {"Train"}):
            queries = features[split == task]
            began = time.perf_counter()
            if GROUPS.get(name, ("",))[0] == task:
                group = np.array([row[GROUPS[name][1]] for row in rows])[split == task]
                for one in np.unique(group):
                    search(np.concatenate([train, queries[group != one]]), np.ascontiguousarray(queries[group == one]))
            else:
                search(train, queries)
            seconds += time.perf_counter() - began
    print(json.dumps({"search_seconds": seconds}))


main()
