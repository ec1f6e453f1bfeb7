"""Every operation of the training core, forward and backward, in float64, stored as float32.

Each operation has its inputs under their names, `gy` (the gradient that arrives from above), `y` (the output)
and `d<input>` (the gradient of sum(gy * y) by that input). Labels are whole numbers stored as float32.
`adamw`: parameters `p.0`, gradients `g.t` of steps 1 to 3, parameters `p.t` after them, moments `m.3` and `v.3`;
rates and the rest in the note `adamw`.
"""

import torch
import torch.nn.functional as F

from keep import rand, save

kept = {}


def record(op, forward, fixed=None, **inputs):
    """Runs `forward(**inputs)` and keeps inputs, a drawn upstream gradient, the output and all gradients."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = forward(**leaves, **(fixed or {}))
    gy = rand(*y.shape)
    grads = torch.autograd.grad(y, list(leaves.values()), gy)
    kept.update({f"{op}.{k}": v for k, v in {**inputs, **(fixed or {}), "gy": gy, "y": y}.items()})
    kept.update({f"{op}.d{k}": g for k, g in zip(leaves, grads)})


def depthwise(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=3, groups=x.shape[1])


record("depthwise", depthwise, x=rand(2, 20, 9, 11), weight=rand(20, 1, 7, 7, scale=0.2), bias=rand(20))
record("depthwise_small", depthwise, x=rand(3, 8, 2, 2), weight=rand(8, 1, 7, 7, scale=0.2), bias=rand(8))

# The rows have unlike statistics: one where eps counts, one far from zero, one large.
rows = rand(5, 37)
rows[1] = (rows[1] * 1e-3 + 0.5).float().double()
rows[2] = (rows[2] + 10).float().double()
rows[3] = (rows[3] * 30).float().double()
record(
    "layer_norm",
    lambda x, weight, bias: F.layer_norm(x, (37,), weight, bias, 1e-6),
    x=rows,
    weight=rand(37, scale=0.3, shift=1),
    bias=rand(37, scale=0.3),
)
record("linear", lambda x, weight, bias: F.linear(x, weight, bias), x=rand(7, 13), weight=rand(11, 13), bias=rand(11))
record("gelu", lambda x: F.gelu(x, approximate="none"), x=torch.linspace(-6, 6, 241).double())

# 13 x 18 and 7 x 5: the last rows and columns belong to no patch, their gradient is zero.
record(
    "conv4x4",
    lambda x, weight, bias: F.conv2d(x, weight, bias, stride=4),
    x=rand(2, 3, 13, 18),
    weight=rand(8, 3, 4, 4, scale=0.3),
    bias=rand(8),
)
record(
    "conv2x2",
    lambda x, weight, bias: F.conv2d(x, weight, bias, stride=2),
    x=rand(2, 6, 7, 5),
    weight=rand(10, 6, 2, 2, scale=0.3),
    bias=rand(10),
)


def scale_residual(x, gamma, z, factor=None):
    branch = z * gamma[:, None, None]
    return x + (branch if factor is None else branch * factor[:, None, None, None])


record("scale_residual", scale_residual, x=rand(2, 13, 3, 4), gamma=rand(13), z=rand(2, 13, 3, 4))
# Drop path at rate 0.25: per image either 0 or 1 / (1 - 0.25).
factor = torch.tensor([4 / 3, 0.0, 4 / 3]).double()
record(
    "scale_residual_drop_path",
    scale_residual,
    {"factor": factor},
    x=rand(3, 5, 2, 3),
    gamma=rand(5),
    z=rand(3, 5, 2, 3),
)

vectors = rand(6, 17)
vectors[2] = (vectors[2] * 1e-4).float().double()
vectors[4] = (vectors[4] * 1e3).float().double()
record("l2_normalise", lambda x: F.normalize(x, dim=1, eps=1e-12), x=vectors)
record("spatial_mean", lambda x: x.mean((2, 3)), x=rand(2, 19, 3, 5))
record(
    "cross_entropy",
    lambda logits, labels: F.cross_entropy(logits, labels.long()),
    {"labels": torch.tensor([0, 4, 2, 2, 1, 3, 4]).double()},
    logits=rand(7, 5, scale=3),
)
record("matmul_nt", lambda a, b: a @ b.T, a=rand(6, 9), b=rand(11, 9))

# AdamW for itself, at rates where decay counts: a whole training step cannot show it, as 4e-4 * 5e-5 is below float32.
# Some gradients are as small as eps and one is zero; the rate changes from step to step.
ADAMW = {"lr": [0.1, 0.05, 0.02], "weight_decay": 0.3, "betas": [0.9, 0.999], "eps": 1e-8}
start = rand(3, 7)
value = torch.nn.Parameter(start.clone())
optimiser = torch.optim.AdamW([value], lr=1.0, weight_decay=0.3, betas=(0.9, 0.999), eps=1e-8)
kept["adamw.p.0"] = start
for step, lr in enumerate(ADAMW["lr"], 1):
    gradient = rand(3, 7)
    gradient[1] = (gradient[1] * 1e-8).float().double()
    gradient[2, 3] = 0
    value.grad = gradient.clone()
    optimiser.param_groups[0]["lr"] = lr
    optimiser.step()
    kept[f"adamw.g.{step}"] = gradient
    kept[f"adamw.p.{step}"] = value.detach().clone()
kept["adamw.m.3"] = optimiser.state[value]["exp_avg"]
kept["adamw.v.3"] = optimiser.state[value]["exp_avg_sq"]


def attention(qkv, heads):
    n, tokens, width = qkv.shape
    q, k, v = qkv.reshape(n, tokens, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width // 3)


# The rows of the first have unlike weights: some queries see one key only. The second has more queries than one task.
record("attention", lambda qkv: attention(qkv, 3), qkv=rand(2, 11, 45, scale=3))
record("attention_long", lambda qkv: attention(qkv, 2), qkv=rand(1, 131, 24))

save("ops", kept, computed_in="float64", adamw=ADAMW)
