"""Golden numbers of UMAP: a picture of handwritten digits and the places of further ones, by umap-learn.

Made with umap-learn 0.5.12, scikit-learn 1.9.1, numpy 2.4.6, safetensors; run in this folder:
    python umap_digits.py
Writes umap_digits.safetensors: 400 `train` and 200 `test` digits as 20 principal components, their labels, and
`reached`: trustworthiness of the picture of train, share of its 15 nearest neighbours kept, accuracy of 5-NN by the other
train digits, accuracy of 5-NN for the placed test digits; means over five seeds.
"""

import numpy as np
import umap
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors


def main():
    digits, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng(9).permutation(len(digits))[:600]
    features = PCA(20, svd_solver="full").fit_transform(digits[chosen]).astype(np.float32)
    labels = labels[chosen]
    train, test = features[:400], features[400:]

    def neighbours(points):
        return NearestNeighbors(n_neighbors=15).fit(points).kneighbors(return_distance=False)

    rows = []
    for seed in range(5):
        fit = umap.UMAP(random_state=seed, n_jobs=1).fit(train)
        places = fit.transform(test)
        knn = KNeighborsClassifier(5)
        near = zip(neighbours(train), neighbours(fit.embedding_))
        rows.append(
            [
                trustworthiness(train, fit.embedding_, n_neighbors=15),
                np.mean([len(set(a) & set(b)) / 15 for a, b in near]),
                cross_val_score(knn, fit.embedding_, labels[:400], cv=LeaveOneOut()).mean(),
                knn.fit(fit.embedding_, labels[:400]).score(places, labels[400:]),
            ]
        )
    print(np.round(rows, 4))
    out = {
        "train": train,
        "test": test,
        "train_labels": labels[:400].astype(np.float32),
        "test_labels": labels[400:].astype(np.float32),
        "reached": np.mean(rows, axis=0).astype(np.float32),
    }
    save_file({name: np.ascontiguousarray(value) for name, value in out.items()}, "umap_digits.safetensors")


if __name__ == "__main__":
    main()
