"""Weight averaging: torch's AveragedModel over five updates, and which segments SWAD's loss valley averages.

`averaged_model`: a parameter of 4 elements starts at `start`, which the averaged model copies. Each update has the
parameter's new `value`, and the average `before` and `after` it (the first update copies, the later ones give the
equal-weight running mean) in float64; `float32_deviation` is the largest deviation of a float32 run, divided by the
largest magnitude.

`loss_valley`: cases of `losses`, one held-out loss per segment (segment i ends with loss i), and what comes of them:
* `converge_step`: the segment at which the valley starts, null if it never does; `threshold`: what a loss may not
  exceed, null likewise; `dead_at`: the segment at whose end the valley is found to be over, null if it lasts;
* `counts`: [segment, how often it entered the average], ascending; the average is sum(count * weights) / sum(counts);
  `start` and `end`: the first and the last of them.
The rules, with the last `n_converge` segments in Q, the last `n_tolerance` in S, and r = `tolerance_ratio`:
* not converged: once Q is full and its first minimum is its oldest entry, the valley starts there (`converge_step`),
  threshold = mean(Q) * (1 + r). If n_tolerance < n_converge, add Q[1] to Q[n_converge - n_tolerance]. If
  n_tolerance > n_converge, take the first n_tolerance - n_converge + 1 entries of S, let b be one more than the place
  of the last of them whose loss is above the threshold (0 if none is), and add those after place b.
* converged: nothing while S[0] lies before the start; over when all of S is above the threshold; else add S[0].
* at the end: never converged, the last segment alone; not over, drop S[0] and add the oldest of S as long as not all
  of S is above the threshold. If nothing was ever added, the start's segment alone.
`loss_valley_known`: cases worked out elsewhere, whose results are asserted here; `loss_valley_corner`: odd cases;
`loss_valley_random`: drawn, 30 at the usual 3, 6 and 0.3, then 12 at others. No loss is within 1e-6 of its threshold;
some losses of one case are equal.
"""

import json
from fractions import Fraction

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from keep import HERE, VERSIONS

USUAL = (3, 6, 0.3)


def averaged_model(dtype):
    generator = torch.Generator().manual_seed(0)
    start, *values = torch.randn((6, 4), generator=generator).to(dtype)
    model = torch.nn.Module()
    model.p = torch.nn.Parameter(start.clone())
    average = AveragedModel(model)
    updates = []
    for n, value in enumerate(values, 1):
        before = average.module.p.tolist()
        with torch.no_grad():
            model.p.copy_(value)
        average.update_parameters(model)
        after = average.module.p.detach()
        assert average.n_averaged == n
        assert torch.allclose(after, torch.stack(values[:n]).mean(0), rtol=1e-6, atol=1e-7)
        updates.append({"value": value.tolist(), "before": before, "after": after.tolist()})
    return {"start": start.tolist(), "updates": updates}


def loss_valley(losses, n_converge, n_tolerance, ratio):
    start, threshold, dead_at = None, None, None
    added = []

    def window(now, size):
        return list(range(max(0, now + 1 - size), now + 1))

    def over(segments):
        return all(losses[i] > threshold for i in segments)

    for now in range(len(losses)):
        q, s = window(now, n_converge), window(now, n_tolerance)
        if start is None:
            if len(q) == n_converge and all(losses[q[0]] <= losses[i] for i in q):
                start = q[0]
                threshold = sum(losses[i] for i in q) / n_converge * (1 + ratio)
                if n_tolerance < n_converge:
                    added += q[1 : n_converge - n_tolerance + 1]
                if n_tolerance > n_converge:
                    early = s[: n_tolerance - n_converge + 1]
                    above = [place for place, i in enumerate(early) if losses[i] > threshold]
                    added += early[max(above, default=-1) + 2 :]
        elif s[0] >= start:
            if over(s):
                dead_at = now
                break
            added.append(s[0])
    if start is None:
        added = [len(losses) - 1]
    elif dead_at is None:
        left = window(len(losses) - 1, n_tolerance)[1:]
        while left and not over(left):
            added.append(left.pop(0))
    if not added:
        added = [start]
    counts = [[i, added.count(i)] for i in sorted(set(added))]
    return {
        "converge_step": start,
        "threshold": threshold,
        "dead_at": dead_at,
        "start": counts[0][0],
        "end": counts[-1][0],
        "counts": counts,
    }


def case(losses, n_converge, n_tolerance, ratio):
    settings = {"n_converge": n_converge, "n_tolerance": n_tolerance, "tolerance_ratio": ratio}
    return {**settings, "losses": losses, **loss_valley(losses, n_converge, n_tolerance, ratio)}


def clear(found):
    """Whether no rounding of the threshold changes a decision."""
    return found["threshold"] is None or min(abs(loss - found["threshold"]) for loss in found["losses"]) > 1e-6


# Losses, then: converged at, threshold, over at, and the share of each segment in the average.
KNOWN = [
    (
        "2.0 1.5 1.2 1.1 1.0 0.9 0.95 0.97 1.0 1.05 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9",
        (5, 1.222, 17),
        {i: "1/10" for i in (3, 4, 6, 7, 8, 9, 10, 11)} | {5: "2/10"},
    ),
    (
        "1.0 1.1 1.2 1.15 1.1 1.2 1.25 1.3",
        (0, 1.43, None),
        {0: "3/12", 1: "2/12", 2: "2/12"} | {i: "1/12" for i in range(3, 8)},
    ),
    (
        "3.0 2.5 2.0 1.0 1.05 1.1 1.0 1.0 1.0 1.0 1.0 1.0 1.0",
        (3, 1.365, None),
        {i: "1/10" for i in range(3, 13)},
    ),
    ("2.0 1.5 1.2 1.0 1.1 1.2", (3, 1.43, None), {i: "1/6" for i in (1, 2, 4, 5)} | {3: "2/6"}),
    ("5 4 3 2 1", (None, None, None), {4: "1/1"}),
]

CORNERS = [
    ([0.7], *USUAL),
    ([0.9, 0.7], *USUAL),
    ([1.0] * 12, *USUAL),
    ([1.0, 1.0, 3.0], *USUAL),
    ([0.5, 3.0, 3.0], *USUAL),  # nothing is ever added
    ([4.0, 3.0, 2.0, 0.5, 3.0, 3.0], *USUAL),
    ([1.0, 1.1, 1.2] + [9.0] * 4 + [1.0] * 3, *USUAL),  # too short a rise to end it
    ([1.0, 1.1, 1.2] + [9.0] * 6 + [1.0] * 3, *USUAL),  # over, what follows does not count
    ([1.0, 1.25, 3.0, 0.5], 2, 2, 0.1),  # over before anything was added
]


def known():
    cases = []
    for text, (start, threshold, dead_at), shares in KNOWN:
        found = case([float(x) for x in text.split()], *USUAL)
        assert clear(found), text
        total = sum(count for _, count in found["counts"])
        assert (found["converge_step"], found["dead_at"]) == (start, dead_at), (text, found)
        assert (threshold is None) == (found["threshold"] is None), (text, found)
        assert threshold is None or abs(found["threshold"] - threshold) < 5e-4, (text, found)
        assert {i: Fraction(n, total) for i, n in found["counts"]} == {i: Fraction(s) for i, s in shares.items()}
        cases.append(found)
    return cases


def corners():
    cases = [case(*c) for c in CORNERS]
    assert all(map(clear, cases))
    return cases


def curve(generator, kind):
    """Losses that fall and may rise again, with noise; in coarse steps, many of them are equal."""
    length = int(generator.integers(2, 45))
    t = np.arange(length)
    fall = generator.uniform(0.3, 3) * np.exp(-t / generator.uniform(1, 8))
    bottom = generator.integers(3, 30)
    rise = generator.uniform(0.01, 0.12) * np.maximum(0, t - bottom) if kind != "flat" else 0 * t
    noise = generator.uniform(0.0, 0.3) * generator.standard_normal(length)
    losses = np.maximum(0.05, generator.uniform(0.3, 1.0) + fall + rise + noise)
    return [float(x) for x in losses.round(1 if kind == "coarse" else 3)]


def random():
    generator = np.random.default_rng(0)
    others = [(3, 3, 0.3), (4, 2, 0.3), (2, 6, 0.2), (1, 4, 0.1), (5, 6, 0.02), (2, 2, 0.0001)]
    cases = []
    for i, settings in enumerate([USUAL] * 30 + others * 2):
        kind = ("bowl", "coarse", "flat")[i % 3]
        while not clear(found := case(curve(generator, kind), *settings)):
            pass
        cases.append(found)
    return cases


if __name__ == "__main__":
    exact, single = averaged_model(torch.float64), averaged_model(torch.float32)
    flat = [torch.tensor([u["after"] for u in run["updates"]], dtype=torch.float64) for run in (exact, single)]
    exact["float32_deviation"] = float(f"{float((flat[1] - flat[0]).abs().max() / flat[0].abs().max()):.1e}")
    valleys = {"known": known(), "corner": corners(), "random": random()}
    drawn = valleys["random"][:30]
    print("never converged", sum(c["converge_step"] is None for c in drawn))
    print("over", sum(c["dead_at"] is not None for c in drawn), "of", len(drawn))
    print("float32 deviation of the average", exact["float32_deviation"])

    golden = {"made_by": "tests/golden/swa.py", **VERSIONS}
    rows = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()]
    rows.append(f'  "averaged_model": {json.dumps(exact)}')
    for name, cases in valleys.items():
        lines = ",\n".join(f"    {json.dumps(c)}" for c in cases)
        rows.append(f'  "loss_valley_{name}": [\n{lines}\n  ]')
    path = HERE / "swa.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
