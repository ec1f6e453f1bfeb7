"""Values and gradients of the losses, in float64. Labels are whole numbers stored as float32.

* `proxy_nca`: features and proxies normalised and multiplied by scale = sqrt(1 / T), T = 0.07, cross-entropy of the
  negated squared distances to all proxies, mean over the rows. `proxy_nca_learnable`: the same with scale = 1 / T, what
  the released code computes when it calls the temperature learnable.
* `simclr_*`: 2n = 12 rows (two views of n = 6 images, interleaved a0 a0' a1 a1' …), cosine similarities / 0.07,
  the row itself left out, mean over the 2n rows. `simclr_pairs`: the positive of 2i is 2i + 1 and the other way round.
  `simclr_released`: the positive of row k is (k + n) mod 2n.
* `features_ce`: cross-entropy with the features themselves as logits. `linear_head`: features @ weight^T + bias.
* `combined_released` = 0.2 simclr_released + 0.8 features_ce on the 12 rows, both views of an image with its label.
"""

import torch
import torch.nn.functional as F

from keep import rand, save

T, N, D, CLASSES = 0.07, 6, 16, 14
kept = {}


def record(name, forward, labels=None, **inputs):
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    args = dict(leaves)
    if labels is not None:
        args["labels"] = torch.tensor(labels)
        kept[f"{name}.labels"] = torch.tensor(labels)
    value = forward(**args)
    grads = torch.autograd.grad(value, list(leaves.values()))
    kept[f"{name}.value"] = value
    kept.update({f"{name}.{k}": v for k, v in inputs.items()})
    kept.update({f"{name}.d{k}": g for k, g in zip(leaves, grads)})


def proxy_nca(scale):
    def forward(features, proxies, labels):
        f = F.normalize(features, dim=1, eps=1e-12) * scale
        p = F.normalize(proxies, dim=1, eps=1e-12) * scale
        return F.cross_entropy(-(f[:, None] - p[None]).square().sum(2), labels)

    return forward


def simclr(positive):
    def forward(features):
        z = F.normalize(features, dim=1, eps=1e-12)
        similarity = z @ z.T / T
        similarity = similarity.masked_fill(torch.eye(2 * N, dtype=torch.bool), float("-inf"))
        return F.cross_entropy(similarity, torch.tensor([positive(k) for k in range(2 * N)]))

    return forward


def right(k):
    return k ^ 1


def released(k):
    return (k + N) % (2 * N)


features, proxies = rand(N, D), rand(5, D, scale=1 / 8)
record("proxy_nca", proxy_nca((1 / T) ** 0.5), [0, 3, 4, 4, 2, 1], features=features, proxies=proxies)
record("proxy_nca_learnable", proxy_nca(1 / T), [0, 3, 4, 4, 2, 1], features=features, proxies=proxies)

# Views of one image resemble each other, as they would in training.
views = (rand(N, 1, D) + rand(N, 2, D, scale=0.5)).reshape(2 * N, D).float().double()
record("simclr_pairs", simclr(right), features=views)
record("simclr_released", simclr(released), features=views)

record(
    "features_ce",
    lambda features, labels: F.cross_entropy(features, labels),
    [0, 13, 4, 7, 7, 2],
    features=rand(N, D),
)
record(
    "linear_head",
    lambda features, weight, bias, labels: F.cross_entropy(F.linear(features, weight, bias), labels),
    [0, 13, 4, 7, 7, 2],
    features=rand(N, D),
    weight=rand(CLASSES, D, scale=0.3),
    bias=rand(CLASSES, scale=0.3),
)
record(
    "combined_released",
    lambda features, labels: 0.2 * simclr(released)(features) + 0.8 * F.cross_entropy(features, labels),
    [0, 0, 13, 13, 4, 4, 7, 7, 7, 7, 2, 2],
    features=views,
)
save("losses", kept, computed_in="float64")
