"""Golden values of the vision transformer (`src/backbone/vit`), taken from runs of published code.

    python vit.py REFERENCE        numpy, safetensors

REFERENCE is a folder of cases that were computed with timm 1.0.31 (`timm_*`), facebookresearch/dino 7c446df (`dino1`),
facebookresearch/dinov2 b8931f7 (`dv2_*`) and cfredinh/coda 8bccf95 (`dual_model`), with torch 2.15.0 on one CPU, in float64
from float32 weights and inputs. Weights and images are no random numbers of a library but a recipe, which the test repeats:
uniform numbers of SplitMix64, whose state is seed XOR FNV-1a of the tensor's name.

* `<case>/<H>x<W>.cls`, `.patch_mean`: class token, and mean over patches, after the last normalisation. Two images; width 64,
  two blocks, two heads, patches of 16 px, positions of 14 x 14 patches.
    timm_plain        positions antialiased
    timm_reg4_ls      the same with four registers, layer scale, and no position of the class token
    dino1             positions with the offset of 0.1
    dv2_off0          positions without offset or antialiasing, layer scale
    dv2_reg4_off01    the same with the offset, and four registers (the recipe's name for them: `register_tokens`)
* `grad/<case>/grad.<parameter>`: gradients of (sum(cls * loss_cls) + sum(patch_mean * loss_patch)) / images. `dino1`: two
  channels, images of 32 x 48 px, positions of 4 x 4 patches. `dv2_reg4_aa`: 64 x 64 px, 6 x 6 patches, registers, antialiased.
* `dual_model/...`: CODA's second step: a frozen extractor (all tokens), a linear map, a classifier that starts behind its
  patch embedding; patches of 8 px, images of 32 px, width 32. Gradients of the first loss, and parameters after one and two
  steps of AdamW (rate 1e-3, decay 1e-5 of tensors with two axes or more, gradients clipped to the norm 1).

Of gradients and parameters with more than KEPT numbers, every STRIDE-th is kept.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
KEPT, STRIDE = 300, 23


def thinned(values):
    values = values.astype(np.float32)
    return values.ravel()[::STRIDE].copy() if values.size > KEPT else values


def main(reference):
    kept, deviations = {}, {}
    for case in ("timm_plain", "timm_reg4_ls", "dino1", "dv2_off0", "dv2_reg4_off01"):
        for name, values in load_file(reference / f"vit/{case}.safetensors").items():
            if name.endswith((".cls", ".patch_mean")):
                kept[f"{case}/{name}"] = values.astype(np.float32)
        about = json.loads((reference / f"vit/{case}.json").read_text())
        deviations[case] = about["max_abs_deviation_of_f32_run"]
    for case in ("dino1", "dv2_reg4_aa"):
        for name, values in load_file(reference / f"grad/{case}.safetensors").items():
            if name != "grad_input":
                kept[f"grad/{case}/{name}"] = thinned(values) if name.startswith("grad.") else values.astype(np.float32)
        about = json.loads((reference / f"grad/{case}.json").read_text())
        deviations[f"grad/{case}"] = about["max_relative_deviation_of_f32_run"]["value"]
    for name, values in load_file(reference / "coda/dual_model.safetensors").items():
        if name.startswith(("grad.", "step")):
            kept[f"dual_model/{name}"] = thinned(values)
        elif name in ("extractor_tokens", "logits", "loss"):
            kept[f"dual_model/{name}"] = values.astype(np.float32)
    notes = {"made_by": "tests/golden/vit.py", "computed_in": "float64", "deviation_of_float32": deviations}
    path = HERE / "vit.safetensors"
    save_file(kept, path, metadata={"golden": json.dumps(notes, sort_keys=True)})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(kept)} tensors")


main(pathlib.Path(sys.argv[1]))
