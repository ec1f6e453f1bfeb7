"""One training step of each whole model on two sets, in float64: a first layer before a small timm ConvNeXt.

Backbone: ConvNeXt of depths (1, 1, 2, 1) and widths (8, 16, 32, 64) without head. The first layer (`adapters.py`,
`hypernet.py`) takes the place of `stem.0`; `depthwise`, which ends in its own norm, takes that of `stem.0` and
`stem.1`. Models: target_param, slice_param (with class_emb), template_mixing (6 templates, coefficients of each set),
hypernet (z = 5, hidden 7, embeddings of each set), depthwise (3 kernels per channel, softmax pooling). Channels, bank,
rows and slots are those of `adapters.py`; `hypernet` is the formula of `hypernet.py`.

Values come from `formula.py`: the backbone's parameters by its rule; all parameters of the first layer amplitude 0.5,
offset 0 (`norm.weight`: amplitude 0.1, offset 1) under their published names; `proxies` (5, 64) amplitude 1/8; images
`input.Allen` (2, 3, 64, 64), labels 1 3, and `input.CP` (2, 5, 64, 64), labels 0 2, amplitude 1. They are rounded to
float32, then everything is computed in float64 and stored as float32.

Features are the spatial mean of the last stage. Loss of a set: ProxyNCA with T = 0.07 as in
`convnext_block_and_step.py`, mean over its images. The gradients of both sets are added, not averaged; then one step of
AdamW (lr 4e-4, weight decay 5e-5, betas 0.9 and 0.999, eps 1e-8) on every parameter, proxies, class_emb and norms
included.

Per model: `<model>/features.<set>`, `<model>/loss.<set>`; `<model>/grad_norms`: L2 norm of the added gradient of every
parameter in the order of the note `parameters` (sorted names), `<model>/grad_norm`: of all of them together;
`<model>/grad.<name>` and `<model>/after.<name>`: added gradient, and value after the step, of the first layer's own
parameters and `proxies`. PyTorch's own float32 run of the same is the yardstick: `float32_deviation` in the notes
gives, per stored tensor, its largest absolute deviation divided by the tensor's largest magnitude, and
`float32_deviation_of_norms` the largest of each gradient norm's deviation divided by that norm, as the norms span many
orders of magnitude. No gradient that is shown is near AdamW's eps, so `after` differs from the value before by the
rate, one way or the other, everywhere.
"""

import torch
import torch.nn.functional as F
from timm.models.convnext import ConvNeXt

import formula
from adapters import ADAPTERS, CHANNELS, OUT
from keep import save

Z, HIDDEN = 5, 7
LABELS = {"Allen": [1, 3], "CP": [0, 2]}


def hypernet(p, name, x):
    a = torch.einsum("cz,zid->cid", p[f"conv1_emb.{name}"], p["hypernet.W"]) + p["hypernet.b"]
    kernels = torch.einsum("cid,dohw->ocihw", a, p["hypernet.W_out"]) + p["hypernet.b_out"][:, None, None]
    return F.conv2d(x, kernels.squeeze(2), stride=4)


HYPERNET = {
    **{f"conv1_emb.{name}": (len(channels), Z) for name, channels in CHANNELS.items()},
    "hypernet.W": (Z, 1, HIDDEN),
    "hypernet.b": (1, HIDDEN),
    "hypernet.W_out": (HIDDEN, OUT, 4, 4),
    "hypernet.b_out": (OUT, 4, 4),
}
MODELS = {
    "target_param": ADAPTERS["target_param"],
    "slice_param": ADAPTERS["slice_param"],
    "template_mixing": ADAPTERS["template_mixing"],
    "hypernet": (hypernet, HYPERNET),
    "depthwise": ADAPTERS["depthwise"],
}


def own(name, shape):
    """A parameter of a first layer."""
    if name == "norm.weight":
        return formula.fill(name, shape, 0.1, 1.0)
    return formula.fill(name, shape, 0.5)


def proxy_nca(features, proxies, labels, temperature):
    scale = (1 / temperature) ** 0.5
    f = F.normalize(features, dim=1, eps=1e-12) * scale
    p = F.normalize(proxies, dim=1, eps=1e-12) * scale
    distances = (f[:, None] - p[None]).square().sum(2)
    return F.cross_entropy(-distances, labels)


def run(model, dtype):
    forward, shapes = MODELS[model]
    backbone = ConvNeXt(depths=(1, 1, 2, 1), dims=(OUT, 16, 32, 64), num_classes=0, drop_path_rate=0.0)
    formula.fill_module(backbone)
    backbone = backbone.to(dtype)
    norm = torch.nn.Identity() if model == "depthwise" else backbone.stem[1]
    prefixes = ("stages.",) if model == "depthwise" else ("stem.1.", "stages.")
    named = {k: v for k, v in backbone.named_parameters() if k.startswith(prefixes)}
    shown = {k: torch.nn.Parameter(own(k, shape).to(dtype)) for k, shape in shapes.items()}
    shown["proxies"] = torch.nn.Parameter(formula.fill("proxies", (5, 64), 1 / 8).to(dtype))
    assert not set(named) & set(shown)
    named.update(shown)
    optimiser = torch.optim.AdamW(named.values(), lr=4e-4, weight_decay=5e-5, betas=(0.9, 0.999), eps=1e-8)

    kept = {}
    for name, channels in CHANNELS.items():
        x = formula.fill(f"input.{name}", (2, len(channels), 64, 64), 1.0).to(dtype)
        features = backbone.stages(norm(forward(shown, name, x))).mean((2, 3))
        loss = proxy_nca(features, shown["proxies"], torch.tensor(LABELS[name]), 0.07)
        loss.backward()
        kept[f"features.{name}"] = features.detach()
        kept[f"loss.{name}"] = loss.detach()
    norms = torch.stack([named[k].grad.norm() for k in sorted(named)])
    kept["grad_norms"] = norms
    kept["grad_norm"] = norms.norm()
    kept.update({f"grad.{k}": v.grad.clone() for k, v in shown.items()})
    optimiser.step()
    kept.update({f"after.{k}": v.detach().clone() for k, v in shown.items()})
    return kept, sorted(named)


kept, parameters, deviation, norm_deviation = {}, {}, {}, {}
for model in MODELS:
    exact, parameters[model] = run(model, torch.float64)
    single, _ = run(model, torch.float32)
    for k, v in exact.items():
        kept[f"{model}/{k}"] = v
        deviation[f"{model}/{k}"] = float((single[k].double() - v).abs().max() / v.abs().max())
    norms = exact["grad_norms"]
    norm_deviation[model] = float(((single["grad_norms"].double() - norms) / norms).abs().max())
    assert all(v.abs().min() > 1e-5 for k, v in exact.items() if k.startswith("grad."))
save(
    "model_steps",
    kept,
    computed_in="float64",
    parameters=parameters,
    labels=LABELS,
    channels=CHANNELS,
    float32_deviation={k: float(f"{v:.1e}") for k, v in deviation.items()},
    float32_deviation_of_norms={k: float(f"{v:.1e}") for k, v in norm_deviation.items()},
)
for k, v in sorted(deviation.items()):
    print(f"  float32 deviation {v:.1e}  {k}")
print("  float32 deviation of any gradient norm", {k: f"{v:.1e}" for k, v in norm_deviation.items()})
