"""A small timm ConvNeXt forward, and two whole training steps with ProxyNCA++ and AdamW on the same batch.

Parameters under timm's names, `input` (2, 3, 64, 64) and `proxies` (5, 64) come from `formula.py`; they are rounded
to float32, then everything is computed in float64 and stored as float32. PyTorch's own float32 run of the same is
kept beside as a yardstick: `float32_deviation` in the notes gives, per stored tensor, its largest absolute
deviation divided by the tensor's largest magnitude.

Features are the spatial mean of `stages(stem(x))`: no norm after pooling. Loss: logits[i, c] =
-|s f_i / |f_i| - s p_c / |p_c||^2 with s = sqrt(1 / 0.07), mean cross-entropy. AdamW: lr 4e-4 constant, weight decay
5e-5 on every parameter (norms, biases, gamma, proxies), betas 0.9 and 0.999, eps 1e-8.
`grad.<name>`: gradients of the first step. `after.<name>`: parameters after two steps. `grad_norms`: L2 norm of the
first step's gradient of every parameter in the order of the note `parameters` (sorted names).
"""

import torch
import torch.nn.functional as F
from timm.models.convnext import ConvNeXt

import formula
from keep import save

SHOWN = [
    "proxies",
    "stages.0.blocks.0.norm.weight",
    "stages.1.blocks.0.mlp.fc2.bias",
    "stages.1.downsample.1.weight",
    "stages.2.blocks.0.mlp.fc1.weight",
    "stages.2.blocks.1.conv_dw.weight",
    "stages.3.blocks.0.gamma",
    "stem.0.weight",
    "stem.1.bias",
]
LABELS = [1, 3]


def proxy_nca(features, proxies, labels, temperature):
    scale = (1 / temperature) ** 0.5
    f = F.normalize(features, dim=1, eps=1e-12) * scale
    p = F.normalize(proxies, dim=1, eps=1e-12) * scale
    distances = (f[:, None] - p[None]).square().sum(2)
    return F.cross_entropy(-distances, labels)


def run(dtype):
    model = ConvNeXt(depths=(1, 1, 2, 1), dims=(8, 16, 32, 64), num_classes=0, drop_path_rate=0.0)
    formula.fill_module(model)
    model = model.to(dtype)
    proxies = torch.nn.Parameter(formula.fill("proxies", (5, 64), 1 / 8).to(dtype))
    named = {k: v for k, v in model.named_parameters() if k.startswith(("stem.", "stages."))}
    named["proxies"] = proxies
    x = formula.fill("input", (2, 3, 64, 64), 1.0).to(dtype)
    optimiser = torch.optim.AdamW(named.values(), lr=4e-4, weight_decay=5e-5, betas=(0.9, 0.999), eps=1e-8)

    def forward(taps):
        h = model.stem(x)
        taps["stem.mean"] = h.mean((2, 3))
        for i, stage in enumerate(model.stages):
            h = stage(h)
            taps[f"stages.{i}.mean"] = h.mean((2, 3))
        return h.mean((2, 3))

    kept = {}
    for step in (1, 2):
        optimiser.zero_grad(set_to_none=True)
        features = forward(kept if step == 1 else {})
        loss = proxy_nca(features, proxies, torch.tensor(LABELS), 0.07)
        loss.backward()
        norms = torch.stack([named[k].grad.norm() for k in sorted(named)])
        kept[f"loss.{step}"] = loss.detach()
        kept[f"grad_norm.{step}"] = norms.norm()
        if step == 1:
            kept["features"] = features
            kept["grad_norms"] = norms
            kept.update({f"grad.{k}": named[k].grad.clone() for k in SHOWN})
        optimiser.step()
    kept.update({f"after.{k}": named[k].detach().clone() for k in SHOWN})
    return {k: v.detach() for k, v in kept.items()}, sorted(named)


exact, names = run(torch.float64)
single, _ = run(torch.float32)
deviation = {k: float((single[k].double() - v).abs().max() / v.abs().max()) for k, v in exact.items()}
save(
    "convnext_block_and_step",
    exact,
    computed_in="float64",
    parameters=names,
    labels=LABELS,
    float32_deviation={k: float(f"{v:.1e}") for k, v in deviation.items()},
)
for k, v in sorted(deviation.items()):
    print(f"  float32 deviation {v:.1e}  {k}")
