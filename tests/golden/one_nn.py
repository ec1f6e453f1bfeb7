"""Golden scores of 1-NN: neighbours by faiss (flat, exact), scores by scikit-learn.

Made with faiss 1.15.1, scikit-learn 1.9.1, numpy 2.4.6, safetensors; run in this folder:
    python one_nn.py
Writes one_nn.safetensors. Per case `plain` and `grouped`: features of one set (row = image), labels, rows of the
training images, rows of the queries, (groups of the queries). Per case and metric: nearest row of the set's table,
[accuracy, macro-F1], and per label of the truth [label, precision, recall, F1, support].
"""

import faiss
import numpy as np
import sklearn
from safetensors.numpy import save_file
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

faiss.omp_set_num_threads(1)


def nearest(references, queries, metric):
    if metric == "cosine":
        references = references / np.linalg.norm(references, axis=1, keepdims=True)
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        index = faiss.IndexFlatIP(references.shape[1])
    else:
        index = faiss.IndexFlatL2(references.shape[1])
    index.add(np.ascontiguousarray(references))
    return index.search(np.ascontiguousarray(queries), 1)[1][:, 0]


def scores(truth, predicted):
    labels = np.unique(truth)
    p, r, f, n = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    return np.array([accuracy_score(truth, predicted), f.mean()]), np.stack([labels, p, r, f, n], axis=1)


def main():
    rng = np.random.default_rng(20231022)
    width, out = 24, {}
    # 500 rows: 300 train, 200 queries, shuffled together. Labels 0-4 in train; queries hold 0-3 and, in `grouped`, only the
    # novel 5-7; `plain` has absent (4) and novel (5) labels.
    for case in ("plain", "grouped"):
        rows = rng.permutation(500)
        train, queries = np.sort(rows[:300]), np.sort(rows[300:])
        labels = np.empty(500, np.int64)
        labels[train] = rng.integers(0, 5, 300)
        labels[queries] = rng.choice([0, 1, 2, 3, 5], 200, p=[0.5, 0.2, 0.15, 0.1, 0.05]) if case == "plain" else rng.integers(5, 8, 200)
        features = rng.normal(size=(500, width)).astype(np.float32) + np.eye(width, dtype=np.float32)[labels] * 2.5
        # ties: training rows that are equal bit by bit but labelled differently; queries equal to them
        for at in range(0, 60, 2):
            features[train[at + 100]] = features[train[at]]
        features[queries[:20]] = features[train[np.arange(0, 40, 2)]]
        groups = rng.integers(0, 5, 200) if case == "grouped" else None
        if case == "grouped":  # ties across groups too
            features[queries[50:70]] = features[queries[80:100]]
        out |= {f"{case}/features": features, f"{case}/labels": labels, f"{case}/train": train, f"{case}/queries": queries}
        if groups is not None:
            out["grouped/groups"] = groups.astype(np.int64)
        for metric in ("cosine", "l2"):
            if groups is None:
                found = train[nearest(features[train], features[queries], metric)]
            else:
                found = np.empty(200, np.int64)
                for group in np.unique(groups):
                    answering = np.concatenate([train, queries[groups != group]])
                    mine = groups == group
                    found[mine] = answering[nearest(features[answering], features[queries[mine]], metric)]
            summary, per_class = scores(labels[queries], labels[found])
            out |= {f"{case}/{metric}/nearest": found, f"{case}/{metric}/summary": summary, f"{case}/{metric}/per_class": per_class}
            print(case, metric, summary)
    versions = {"faiss": faiss.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    save_file(out, "one_nn.safetensors", metadata=versions)


main()
