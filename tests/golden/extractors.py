"""Small ResNets and a small DINOv2 on photographs, and position embeddings as DINOv2's own code resizes them.

Element j of a tensor (row-major in PyTorch's layout) is offset + amplitude * sin(0.37 * j * j + phase), with the phase of
`formula.py`: like noise, so that neither smooth filters nor smooth images cancel out. All is float64, rounded to float32
once, and what follows is float64 again; what is stored are the features, rounded to float32.

    images (`input`)                           offset 0.5   amplitude 0.5
    `running_var`                              offset 1     amplitude 0.3
    `pos_embed`, `cls_token`, `reg_token`      offset 0     amplitude 0.5
    others of rank >= 2                        offset 0     amplitude 2 / sqrt(inputs of an output)
    names that end in `gamma` (layer scale)    offset 0.5   amplitude 0.1
    names that end in `.weight` (norms)        offset 1     amplitude 0.1
    others (biases, running means)             offset 0     amplitude 0.1

* `resnet.basic`: timm's resnet18 on images of 47 × 62 px, normalised by ImageNet's mean and deviation; `resnet.raw`: without
  that. `resnet.bottleneck`: bottlenecks 1, 2, 1, 1.
* `dino_v2`: timm's ViT, width 24, 2 blocks, 3 heads, patches of 4 px, a grid of 6 × 6, 2 registers, layer scale, images
  of 17 × 26 px framed by zeros to 20 × 28 (5 × 7 patches).
* `positions.<from>.<rows>x<cols>`: grids of vectors of 3 numbers resized.

The transformer is restated here. timm's `dynamic_img_size` resizes position embeddings as DINOv2's register models do
(bicubic, antialiased, no offset), but always in single precision: the script asserts that both agree to 1e-6 at other
sizes, and to 1e-12 on the trained grid.
"""

import numpy as np
import torch
import torch.nn.functional as F
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from timm.models.vision_transformer import VisionTransformer

import formula
from keep import save

MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).reshape(3, 1, 1)
SD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).reshape(3, 1, 1)


def fill(name, shape, amplitude, offset=0.0):
    j = np.arange(torch.Size(shape).numel(), dtype=np.float64)
    values = offset + amplitude * np.sin(0.37 * j * j + formula.phase(name))
    return torch.from_numpy(values.astype(np.float32)).reshape(tuple(shape))


def parameter(name, shape):
    if name.endswith("running_var"):
        return fill(name, shape, 0.3, 1.0)
    if name in ("pos_embed", "cls_token", "reg_token"):
        return fill(name, shape, 0.5)
    if len(shape) >= 2:
        return fill(name, shape, 2.0 / torch.Size(shape[1:]).numel() ** 0.5)
    if name.endswith("gamma"):
        return fill(name, shape, 0.1, 0.5)
    return fill(name, shape, 0.1, 1.0 if name.endswith(".weight") else 0.0)


def filled(model):
    """The model in evaluation mode and in float64, every tensor by the formula."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(parameter(name, value.shape))
    return model.double().eval()


def images(height, width):
    return fill("input", (2, 3, height, width), 0.5, 0.5).double()


def positions(grid, rows, cols):
    """(1, M·M, D) to (1, rows·cols, D), as `interpolate_pos_encoding` with offset 0 and antialiasing."""
    side = int(grid.shape[1] ** 0.5)
    square = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(square, size=(rows, cols), mode="bicubic", antialias=True)
    return resized.permute(0, 2, 3, 1).flatten(1, 2)


def dino(model, x, patch, registers, heads):
    """The forward pass once more, in Meta's words."""
    weights = model.state_dict()
    linear = lambda x, name: F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
    norm = lambda x, name: F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)
    missing = [-side % patch for side in x.shape[-2:]]
    (top, bottom), (left, right) = [(m // 2, m - m // 2) for m in missing]
    x = F.pad(x, (left, right, top, bottom))
    x = F.conv2d(x, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=patch)
    rows, cols = x.shape[-2:]
    x = x.flatten(2).transpose(1, 2) + positions(weights["pos_embed"], rows, cols)
    first = [weights[name].expand(len(x), -1, -1) for name in ("cls_token", "reg_token")]
    x = torch.cat([*first, x], 1)
    for i in range(len(model.blocks)):
        at = f"blocks.{i}"
        qkv = linear(norm(x, f"{at}.norm1"), f"{at}.attn.qkv")
        q, k, v = qkv.reshape(*x.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
        weight = (q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1)).softmax(-1)
        z = (weight @ v).transpose(1, 2).flatten(2)
        x = x + weights[f"{at}.ls1.gamma"] * linear(z, f"{at}.attn.proj")
        z = F.gelu(linear(norm(x, f"{at}.norm2"), f"{at}.mlp.fc1"))
        x = x + weights[f"{at}.ls2.gamma"] * linear(z, f"{at}.mlp.fc2")
    return norm(x[:, 0], "norm")


kept = {}
for name, block, layers in (("basic", BasicBlock, (2, 2, 2, 2)), ("bottleneck", Bottleneck, (1, 2, 1, 1))):
    model = filled(ResNet(block, layers, num_classes=0))
    with torch.no_grad():
        kept[f"resnet.{name}"] = model((images(47, 62) - MEAN) / SD)
        if name == "basic":
            kept["resnet.raw"] = model(images(47, 62))

size = dict(img_size=24, patch_size=4, embed_dim=24, depth=2, num_heads=3, num_classes=0)
tokens = dict(reg_tokens=2, no_embed_class=True, init_values=1e-5, global_pool="token")
vit = filled(VisionTransformer(**size, **tokens, dynamic_img_size=True))
x = images(17, 26)
with torch.no_grad():
    kept["dino_v2"] = dino(vit, x, 4, 2, 3)
    theirs = vit(F.pad(x, (1, 1, 1, 2)))
    assert 0 < (kept["dino_v2"] - theirs).abs().max() < 1e-6, "timm resizes position embeddings otherwise"
    own = images(24, 24)
    assert (dino(vit, own, 4, 2, 3) - vit(own)).abs().max() < 1e-12, "timm's transformer is another one"

for side, rows, cols in ((6, 5, 7), (6, 6, 6), (4, 9, 13), (37, 17, 27), (7, 2, 3)):
    grid = fill("pos_embed", (1, side * side, 3), 0.5).double()
    kept[f"positions.{side}.{rows}x{cols}"] = positions(grid, rows, cols)

save("extractors", kept, computed_in="float64")
for k, v in kept.items():
    if not k.startswith("positions"):
        apart = (v[0] - v[1]).abs().max() / v.abs().max()
        print(f"  {k}: the two images are {apart:.2f} apart")
        assert apart > 0.05, "features that do not see the images prove nothing"
