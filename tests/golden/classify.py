"""Golden classifiers on features: logistic regression, nearest class means, standardisation of a target, pooled votes,
and the metrics, by scikit-learn.

Made with scikit-learn 1.9.1 (Newton, to rounding), numpy 2.4.6, safetensors; run in this folder:
    python classify.py
Writes classify.safetensors. `train.*` are features (f32), labels and plates of a source; `target.*` those of a target whose
features are shifted and scaled by plate. Per `c`: coefficients for standardised features, intercepts (f64), and the target's
probabilities. `standardised` are the target's features on the source's scale by plate; `controls` the same by the
controls of both. Metrics are [accuracy, macro-F1, macro precision, macro recall, kappa] over the labels in truth or prediction.
"""

import warnings

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, cohen_kappa_score, precision_recall_fscore_support
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler


def metrics(truth, predicted):
    p, r, f, _ = precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0)
    return np.array([accuracy_score(truth, predicted), f, p, r, cohen_kappa_score(truth, predicted)])


def on_scale(x, groups, source, members=None):
    out = np.empty_like(x)
    for group in np.unique(groups):
        own = groups == group
        of = x[own if members is None else own & members]
        sd = of.std(axis=0)
        scale = np.divide(source.std(axis=0), sd, out=np.zeros_like(sd), where=sd > 1e-9)
        out[own] = (x[own] - of.mean(axis=0)) * scale + source.mean(axis=0)
    return out


def main():
    rng = np.random.default_rng(20240617)
    classes, width, n, m = 5, 12, 260, 150
    means = rng.normal(size=(classes, width))
    y = rng.choice(classes, size=n, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    x = (means[y] + rng.normal(size=(n, width))) * np.geomspace(0.01, 100, width) + 3
    x[:, 4] = 7  # says nothing
    # The target has class 6, which the source does not, and not class 4.
    t = rng.choice([0, 1, 2, 3, 6], size=m)
    plates = rng.integers(0, 3, size=m)
    z = (means[np.minimum(t, 4)] + rng.normal(size=(m, width))) * np.geomspace(0.01, 100, width) + 3
    z = z * (1 + 0.3 * plates[:, None]) + plates[:, None]
    z[:, 4] = 7 + rng.normal(size=m)
    x, z = x.astype(np.float32), z.astype(np.float32)
    controls, target_controls = rng.random(n) < 0.3, rng.random(m) < 0.3
    wide, target = x.astype(np.float64), z.astype(np.float64)
    out = {"train.x": x, "train.y": y, "train.controls": controls.astype(np.uint8)}
    out |= {"target.x": z, "target.y": t, "target.plates": plates, "target.controls": target_controls.astype(np.uint8)}

    # scikit-learn's scaler divides a constant column by 1; ours makes it 0, as does this one after centring.
    scaler = StandardScaler().fit(wide)
    for c in [0.05, 1.0, 30.0]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fit = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(scaler.transform(wide), y)
        out[f"c{c}.weight"], out[f"c{c}.bias"] = fit.coef_, fit.intercept_
        # The target's constant column has no weight.
        out[f"c{c}.probabilities"] = fit.predict_proba(scaler.transform(target))
        out[f"c{c}.metrics"] = metrics(t, fit.predict(scaler.transform(target)))
    means = NearestCentroid().fit(scaler.transform(wide), y)
    out["means.predicted"] = means.predict(scaler.transform(target) * (scaler.var_ > 0))
    out["means.metrics"] = metrics(t, out["means.predicted"])
    out["standardised"] = on_scale(target, plates, wide)
    out["controls"] = on_scale(target, plates, wide[controls], target_controls)
    fit = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(scaler.transform(wide), y)
    logs = fit.predict_log_proba(scaler.transform(out["standardised"]))
    wells = np.arange(m) // 4
    pooled = np.stack([logs[(wells == well) & (plates == plate)].mean(axis=0) for well, plate in zip(wells, plates)])
    out["pooled.wells"], out["pooled.predicted"] = wells, fit.classes_[pooled.argmax(axis=1)]
    out["pooled.metrics"] = metrics(t, out["pooled.predicted"])
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "classify.safetensors")
    for c in [0.05, 1.0, 30.0]:
        print(c, out[f"c{c}.metrics"])
    print(out["means.metrics"], out["pooled.metrics"])


main()
