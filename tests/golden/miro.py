"""MIRO's regulariser on two taps, with its gradients, in float64.

Per tap, with features f and the frozen model's features f0, both (N, C, H, W), and one scalar b per channel:

    variance = softplus(b) + 1e-5
    value    = 0.5 * mean over all N * C * H * W elements of ((f - f0)^2 / variance + ln variance)

The mean encoder is the identity; the regulariser is the sum of the taps' values (not yet multiplied by its weight).
This is the original's form and that of CHAMMI's release: they differ in what is tapped and in the weight, not here.

`<tap>.f`, `<tap>.f0`: tap 0 (2, 8, 6, 6), tap 1 (2, 16, 3, 3), shared by the sets of b:
* `initial`: b so that the variance is 0.1, b = ln(exp(0.1 - 1e-5) - 1), rounded to float32;
* `random`: b normal of deviation 2.
Per set `<set>.<tap>.b`, `<set>.values` (per tap), `<set>.value` (their sum), and its gradients `<set>.<tap>.df`,
`<set>.<tap>.db`. `unmoved.values` and `unmoved.value`: f = f0 at the initial b, ln(0.1) / 2 per tap.
`variance.b`, `variance.y`, `variance.db`: the variance and its derivative from b = -15 to 30.
The float32 run of the same is the yardstick: `float32_deviation` in the notes gives, per computed tensor, its largest
absolute deviation divided by the tensor's largest magnitude.
"""

import math

import torch
import torch.nn.functional as F

from keep import rand, save

EPS = 1e-5
INITIAL = math.log(math.expm1(0.1 - EPS))
TAPS = [(2, 8, 6, 6), (2, 16, 3, 3)]


def variance(b):
    return F.softplus(b) + EPS


def tap_value(f, f0, b):
    v = variance(b)[:, None, None]
    return 0.5 * ((f - f0).square() / v + v.log()).mean()


def with_gradients(features, frozen, scalars, dtype):
    f = [x.to(dtype, copy=True).requires_grad_() for x in features]
    b = [x.to(dtype, copy=True).requires_grad_() for x in scalars]
    values = torch.stack([tap_value(x, x0.to(dtype), s) for x, x0, s in zip(f, frozen, b)])
    values.sum().backward()
    computed = {"values": values.detach(), "value": values.detach().sum()}
    for tap in range(len(TAPS)):
        computed.update({f"{tap}.df": f[tap].grad, f"{tap}.db": b[tap].grad})
    return computed


def curve(b, dtype):
    b = b.to(dtype, copy=True).requires_grad_()
    y = variance(b)
    y.sum().backward()
    return {"y": y.detach(), "db": b.grad}


frozen = [rand(*shape) for shape in TAPS]
features = [(x + rand(*x.shape, scale=0.5)).float().double() for x in frozen]
scalars = {
    "initial": [torch.full((shape[1],), INITIAL).float().double() for shape in TAPS],
    "random": [rand(shape[1], scale=2) for shape in TAPS],
}
kept, deviation = {}, {}


def record(prefix, exact, single):
    for k, v in exact.items():
        kept[f"{prefix}.{k}"] = v
        deviation[f"{prefix}.{k}"] = float((single[k].double() - v).abs().max() / v.abs().max())


for tap, (f, f0) in enumerate(zip(features, frozen)):
    kept.update({f"{tap}.f": f, f"{tap}.f0": f0})
for name, b in scalars.items():
    kept.update({f"{name}.{tap}.b": x for tap, x in enumerate(b)})
    record(name, *(with_gradients(features, frozen, b, dtype) for dtype in (torch.float64, torch.float32)))
for k in ("values", "value"):
    kept[f"unmoved.{k}"] = with_gradients(frozen, frozen, scalars["initial"], torch.float64)[k]
assert (kept["unmoved.values"] - math.log(0.1) / 2).abs().max() < 1e-6
kept["variance.b"] = torch.linspace(-15, 30, 91).double()
record("variance", *(curve(kept["variance.b"], dtype) for dtype in (torch.float64, torch.float32)))
save(
    "miro",
    kept,
    computed_in="float64",
    eps=EPS,
    initial_b=INITIAL,
    float32_deviation={k: float(f"{v:.1e}") for k, v in deviation.items()},
)
for k, v in sorted(deviation.items()):
    print(f"  float32 deviation {v:.1e}  {k}")
