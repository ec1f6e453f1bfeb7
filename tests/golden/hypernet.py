"""The HyperNet stem (two linear maps, no activation between) for a set of 3 and a set of 5 channels, in float64.

With embeddings E (C, z) of a set's channels, and W (z, 1, d), b (1, d), W_out (d, out, 4, 4), b_out (out, 4, 4):

    a[c, i, d]             = sum_z E[c, z] * W[z, i, d] + b[i, d]                             (i = 0 only)
    kernels[o, c, kh, kw]  = sum_d a[c, 0, d] * W_out[d, o, kh, kw] + b_out[o, kh, kw]
    y                      = conv2d(x, kernels, stride 4, no padding, no bias)

z = 5, d = 7, out = 8. Both sets share the hypernetwork; `d…` are gradients of the sum over both sets of sum(gy * y).
"""

import torch
import torch.nn.functional as F

from keep import rand, save

Z, D, OUT = 5, 7, 8
parameters = {
    "conv1_emb.Allen": rand(3, Z),
    "conv1_emb.CP": rand(5, Z),
    "hypernet.W": rand(Z, 1, D, scale=0.5),
    "hypernet.b": rand(1, D),
    "hypernet.W_out": rand(D, OUT, 4, 4, scale=0.3),
    "hypernet.b_out": rand(OUT, 4, 4),
}
images = {"Allen": rand(2, 3, 8, 13), "CP": rand(3, 5, 14, 9)}

leaves = {k: v.clone().requires_grad_() for k, v in parameters.items()}
w, b, w_out, b_out = (leaves[f"hypernet.{k}"] for k in ("W", "b", "W_out", "b_out"))
kept = dict(parameters)
total = torch.zeros((), dtype=torch.float64)
kernels = {}
for name, x in images.items():
    a = torch.einsum("cz,zid->cid", leaves[f"conv1_emb.{name}"], w) + b
    per_channel = torch.einsum("cid,dohw->ciohw", a, w_out) + b_out
    k = per_channel.permute(2, 0, 1, 3, 4).reshape(OUT, x.shape[1], 4, 4)
    k.retain_grad()
    kernels[name] = k
    y = F.conv2d(x, k, stride=4)
    gy = rand(*y.shape)
    total = total + (gy * y).sum()
    kept.update({f"{name}.x": x, f"{name}.kernels": k, f"{name}.y": y, f"{name}.gy": gy})
total.backward()
kept.update({f"{name}.dkernels": k.grad for name, k in kernels.items()})
kept.update({f"d{k}": v.grad for k, v in leaves.items()})
save("hypernet", kept, computed_in="float64")
