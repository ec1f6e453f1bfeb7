"""First layers, forward and backward, for a set of 3 and a set of 5 channels, in float64.

Sets `Allen` (nucleus, membrane, protein) and `CP` (nucleus, er, rna, golgi, mito). The bank of channel names is the
sorted union of both: er 0, golgi 1, membrane 2, mito 3, nucleus 4, protein 5, rna 6; `rows` of a set are its channels'
places in it (Allen 4 2 5, CP 4 0 6 1 3), `slots` number the channels set by set (Allen 0 to 2, CP 3 to 7).
Images `Allen.x` and `CP.x` are shared; out = 8, patches 4 x 4 at stride 4, no padding. conv below is without bias
unless said.

    target_param            y = conv(x, first_layer.<set>.weight, bias first_layer.<set>.bias)
    slice_param             y = conv(x, conv1_param_bank[:, rows] + class_emb[:, slots])
    slice_param_plain       the same without class_emb
    slice_param_one         y = conv(x, conv1_param_bank (8, 1, 4, 4) repeated for every channel)
    template_mixing         y = conv(x, k), k[o, c] = sum_t conv1_coefs.<set>[c, t] * conv1_param_bank[o, t], t < 6
    template_mixing_shared  the same with one conv1_coefs (7, 6), of which a set takes its rows
    depthwise               per channel c of the set, with r = rows[c] and 3 kernels k per channel:
        h[c]      = conv(x[c], get_patch_emb.<set>.weight[c], bias get_patch_emb.<set>.bias[c])
        m[c, k]   = conv3x3(h[c], conv1depthwise_param_bank[3 * r + k], stride 1, zero padding 1)
        s[k]      = sum_c softmax(weighted_sum_pooling[rows])[c] * m[c, k]
        y         = norm.weight * (z - mean) / sqrt(variance + 1e-5) + norm.bias, z = conv_1x1 s,
                    mean and variance (divided by n) of every image and output over height and width
    depthwise_average       the same with s[k] = mean_c m[c, k]

Every parameter is a normal draw of deviation 1 (weights of convolutions 0.3, `norm.weight` 1 + 0.3 n) of that adapter
alone, kept under `<adapter>/<published name>`. `<adapter>/<set>.y`: output; `<adapter>/<set>.gy`: the gradient that
arrives from above; `<adapter>/d<name>`: gradient of the sum over both sets of sum(gy * y). PyTorch's own float32 run
of the same is the yardstick: `float32_deviation` in the notes gives, per computed tensor, its largest absolute
deviation divided by the tensor's largest magnitude.
"""

import torch
import torch.nn.functional as F

from keep import rand, save

OUT, KERNELS, TEMPLATES = 8, 3, 6
CHANNELS = {
    "Allen": ["nucleus", "membrane", "protein"],
    "CP": ["nucleus", "er", "rna", "golgi", "mito"],
}
BANK = sorted(set().union(*CHANNELS.values()))
ROWS = {name: [BANK.index(channel) for channel in channels] for name, channels in CHANNELS.items()}
SLOTS = {"Allen": [0, 1, 2], "CP": [3, 4, 5, 6, 7]}


def target_param(p, name, x):
    return F.conv2d(x, p[f"first_layer.{name}.weight"], p[f"first_layer.{name}.bias"], stride=4)


def slice_param(p, name, x):
    return F.conv2d(x, p["conv1_param_bank"][:, ROWS[name]] + p["class_emb"][:, SLOTS[name]], stride=4)


def slice_param_plain(p, name, x):
    return F.conv2d(x, p["conv1_param_bank"][:, ROWS[name]], stride=4)


def slice_param_one(p, name, x):
    return F.conv2d(x, p["conv1_param_bank"].repeat(1, len(ROWS[name]), 1, 1), stride=4)


def mix(bank, coefficients, x):
    return F.conv2d(x, torch.einsum("ct,othw->ochw", coefficients, bank), stride=4)


def template_mixing(p, name, x):
    return mix(p["conv1_param_bank"], p[f"conv1_coefs.{name}"], x)


def template_mixing_shared(p, name, x):
    return mix(p["conv1_param_bank"], p["conv1_coefs"][ROWS[name]], x)


def depthwise_with(pooling, p, name, x):
    rows = ROWS[name]
    channels = len(rows)
    weight, bias = p[f"get_patch_emb.{name}.weight"], p[f"get_patch_emb.{name}.bias"]
    h = F.conv2d(x, weight, bias, stride=4, groups=channels)
    bank = p["conv1depthwise_param_bank"].reshape(len(BANK), KERNELS, 1, 3, 3)[rows]
    m = F.conv2d(h, bank.reshape(channels * KERNELS, 1, 3, 3), padding=1, groups=channels)
    m = m.reshape(len(x), channels, KERNELS, *m.shape[2:])
    s = torch.einsum("c,nckhw->nkhw", pooling(p, rows), m)
    return F.instance_norm(F.conv2d(s, p["conv_1x1.weight"]), weight=p["norm.weight"], bias=p["norm.bias"], eps=1e-5)


def depthwise(p, name, x):
    return depthwise_with(lambda p, rows: p["weighted_sum_pooling"][rows].softmax(0), p, name, x)


def depthwise_average(p, name, x):
    return depthwise_with(lambda p, rows: torch.full((len(rows),), 1 / len(rows), dtype=x.dtype), p, name, x)


def per_set(name, *rest):
    return {name.format(k): (len(channels), *rest) for k, channels in CHANNELS.items()}


def first_layers():
    shapes = {}
    for k, channels in CHANNELS.items():
        shapes[f"first_layer.{k}.weight"] = (OUT, len(channels), 4, 4)
        shapes[f"first_layer.{k}.bias"] = (OUT,)
    return shapes


SLICES = {"conv1_param_bank": (OUT, len(BANK), 4, 4)}
SLOT_SLICES = {"class_emb": (OUT, sum(map(len, SLOTS.values())), 4, 4)}
TEMPLATE_BANK = {"conv1_param_bank": (OUT, TEMPLATES, 4, 4)}
DEPTHWISE = {
    **per_set("get_patch_emb.{}.weight", 1, 4, 4),
    **per_set("get_patch_emb.{}.bias"),
    "conv1depthwise_param_bank": (len(BANK) * KERNELS, 1, 3, 3),
    "conv_1x1.weight": (OUT, KERNELS, 1, 1),
    "norm.weight": (OUT,),
    "norm.bias": (OUT,),
}
# Per adapter: its forward (parameters by published name, set, images) and the shapes of its parameters.
ADAPTERS = {
    "target_param": (target_param, first_layers()),
    "slice_param": (slice_param, {**SLICES, **SLOT_SLICES}),
    "slice_param_plain": (slice_param_plain, SLICES),
    "slice_param_one": (slice_param_one, {"conv1_param_bank": (OUT, 1, 4, 4)}),
    "template_mixing": (template_mixing, {**TEMPLATE_BANK, **per_set("conv1_coefs.{}", TEMPLATES)}),
    "template_mixing_shared": (template_mixing_shared, {**TEMPLATE_BANK, "conv1_coefs": (len(BANK), TEMPLATES)}),
    "depthwise": (depthwise, {**DEPTHWISE, "weighted_sum_pooling": (len(BANK),)}),
    "depthwise_average": (depthwise_average, DEPTHWISE),
}


def draw(name, shape):
    if name == "norm.weight":
        return rand(*shape, scale=0.3, shift=1)
    return rand(*shape, scale=0.3 if len(shape) == 4 else 1)


def compute(forward, parameters, images, upstream, dtype):
    """Outputs and gradients in `dtype`; `upstream` is drawn where it is still missing."""
    leaves = {k: v.to(dtype, copy=True).requires_grad_() for k, v in parameters.items()}
    kept, total = {}, torch.zeros((), dtype=dtype)
    for name, x in images.items():
        y = forward(leaves, name, x.to(dtype))
        upstream.setdefault(name, rand(*y.shape))
        total = total + (upstream[name].to(dtype) * y).sum()
        kept[f"{name}.y"] = y.detach()
    total.backward()
    kept.update({f"d{k}": v.grad for k, v in leaves.items()})
    return kept


def main():
    images = {"Allen": rand(2, 3, 16, 20), "CP": rand(3, 5, 16, 12)}
    kept = {f"{name}.x": x for name, x in images.items()}
    deviation = {}
    for adapter, (forward, shapes) in ADAPTERS.items():
        parameters = {name: draw(name, shape) for name, shape in shapes.items()}
        upstream = {}
        exact = compute(forward, parameters, images, upstream, torch.float64)
        single = compute(forward, parameters, images, upstream, torch.float32)
        kept.update({f"{adapter}/{k}": v for k, v in {**parameters, **exact}.items()})
        kept.update({f"{adapter}/{name}.gy": gy for name, gy in upstream.items()})
        for k, v in exact.items():
            deviation[f"{adapter}/{k}"] = float((single[k].double() - v).abs().max() / v.abs().max())
    save(
        "adapters",
        kept,
        computed_in="float64",
        channels=CHANNELS,
        bank=BANK,
        rows=ROWS,
        slots=SLOTS,
        float32_deviation={k: float(f"{v:.1e}") for k, v in deviation.items()},
    )
    for k, v in sorted(deviation.items()):
        print(f"  float32 deviation {v:.1e}  {k}")


if __name__ == "__main__":
    main()
