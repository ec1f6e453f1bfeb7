"""timm's features of the networks of the zoo (`src/backbone/zoo`), with weights and photographs by formula.

Element j of a tensor (row-major in PyTorch's layout) is offset + amplitude * sin(0.37 * j * j + phase), with the phase of
`formula.py`, rounded to float32 once; what follows is float64; what is stored are the features, rounded to float32.

    images (`input`)                           offset 0.5   amplitude 0.5
    `running_var`                              offset 1     amplitude 0.3
    `pos_embed`, `cls_token`                   offset 0     amplitude 0.5
    names with `gamma` in them (layer scale)   offset 0.5   amplitude 0.1
    others of rank >= 2                        offset 0     amplitude 2 / sqrt(inputs of an output)
    names that end in `.weight` (norms)        offset 1     amplitude 0.1
    others (biases, running means)             offset 0     amplitude 0.1

Images are normalised by the mean and deviation of the weights that are named. Transformers are small (width, blocks,
heads; side and patch in pixels); EVA-02 keeps its 448 px, which candle-transformers has fixed. Others are as published.

* `clip`: 24, 2, 3; 16, 4. `siglip`: the same. `eva02`: 128, 2, 2; 448, 14.
* the others by timm's names, on two images of 64 × 96 px.

`zoo_names.json`: of each network as published the numbers in its parameters, what its weights were trained to see, and the
BLAKE3 hash of names and shapes as `extractors_names.py` has it.
"""

import functools
import json

import blake3
import numpy as np
import timm
import torch
from timm.models import get_pretrained_cfg
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer

import formula
from keep import HERE, VERSIONS, save

LayerNorm = torch.nn.LayerNorm
WEIGHTS = {
    "vit_base_patch16_clip_quickgelu_224": "openai",
    "vit_large_patch14_clip_quickgelu_224": "openai",
    "vit_base_patch16_siglip_224": "webli",
    "eva02_base_patch14_448": "mim_in22k_ft_in22k_in1k",
    "eva02_large_patch14_448": "mim_m38m_ft_in22k_in1k",
    "tf_efficientnet_b0": "ns_jft_in1k",
    "mobilenetv4_conv_small": "e2400_r224_in1k",
    "mobilenetv4_conv_medium": "e500_r256_in1k",
    "fastvit_t8": "apple_in1k",
    "fastvit_sa12": "apple_in1k",
}


def fill(name, shape, amplitude, offset=0.0):
    j = np.arange(torch.Size(shape).numel(), dtype=np.float64)
    values = offset + amplitude * np.sin(0.37 * j * j + formula.phase(name))
    return torch.from_numpy(values.astype(np.float32)).reshape(tuple(shape))


def parameter(name, shape):
    if name.endswith("running_var"):
        return fill(name, shape, 0.3, 1.0)
    if name in ("pos_embed", "cls_token"):
        return fill(name, shape, 0.5)
    if "gamma" in name:
        return fill(name, shape, 0.1, 0.5)
    if len(shape) >= 2:
        return fill(name, shape, 2.0 / torch.Size(shape[1:]).numel() ** 0.5)
    return fill(name, shape, 0.1, 1.0 if name.endswith(".weight") else 0.0)


def filled(model):
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(parameter(name, value.shape))
    return model.double().eval()


def features(model, weights, height, width):
    cfg = get_pretrained_cfg(weights)
    images = fill("input", (2, 3, height, width), 0.5, 0.5).double()
    mean, sd = (torch.tensor(v, dtype=torch.float64).reshape(3, 1, 1) for v in (cfg.mean, cfg.std))
    with torch.no_grad():
        return filled(model)((images - mean) / sd)


small = dict(img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=3, num_classes=0)
clip = VisionTransformer(
    **small, pre_norm=True, norm_layer=functools.partial(LayerNorm, eps=1e-5), act_layer="quick_gelu"
)
siglip = VisionTransformer(**small, class_token=False, global_pool="map")
eva02 = Eva(
    img_size=448, patch_size=14, embed_dim=128, depth=2, num_heads=2, num_classes=0, qkv_fused=False,
    mlp_ratio=4 * 2 / 3, swiglu_mlp=True, scale_mlp=True, use_rot_pos_emb=True, ref_feat_shape=(16, 16),
)  # fmt: skip
golden = {
    "clip": features(clip, "vit_base_patch16_clip_quickgelu_224.openai", 16, 16),
    "siglip": features(siglip, "vit_base_patch16_siglip_224.webli", 16, 16),
    "eva02": features(eva02, "eva02_base_patch14_448.mim_in22k_ft_in22k_in1k", 448, 448),
}
names = {}
for name, weights in WEIGHTS.items():
    model = timm.create_model(name, pretrained=False, num_classes=0)
    cfg = get_pretrained_cfg(f"{name}.{weights}")
    tensors = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    lines = sorted(f"{k} {'x'.join(map(str, v.shape))}" for k, v in tensors.items())
    names[name] = {
        "file": cfg.hf_hub_id.removeprefix("timm/"),
        "parameters": sum(v.numel() for v in model.parameters()),
        "features": getattr(model, "head_hidden_size", None) or model.num_features,
        "side": cfg.input_size[1],
        "shorter": int(cfg.input_size[1] / cfg.crop_pct),
        "mean": cfg.mean,
        "std": cfg.std,
        "blake3": blake3.blake3("".join(line + "\n" for line in lines).encode()).hexdigest(),
    }
    if "patch" not in name:
        golden[name] = features(model, f"{name}.{weights}", 64, 96)

save("zoo", golden)
rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in {"made_by": "tests/golden/zoo.py", **VERSIONS, **names}.items()]
(HERE / "zoo_names.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
