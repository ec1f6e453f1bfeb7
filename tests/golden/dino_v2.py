"""Golden values of DINOv2's losses and steps (`src/loss/dino`, `src/loss/koleo`, `src/train/tests/dino_v2_steps`), taken from runs of
published code.

    python dino_v2.py REFERENCE        numpy, safetensors

REFERENCE is a folder of cases that were computed with facebookresearch/dinov2 b8931f7, with torch 2.15.0 on one CPU, in float64 from
float32 weights and inputs. Weights and images are by the recipe of `vit.py`.

* `koleo/<case>.{x,loss,grad}`: features before they are normalised, the loss of one view, its gradient.
* `sinkhorn/<case>.{teacher,targets}`: logits and probabilities; temperatures are in `dino_v2.json`.
* `train_centering_shared`, `train_sinkhorn_separate`: whole trainings of a ViT of width 32 with two blocks, patches of 8 px, layer scale
  (and two registers), three images in a step with 2 views of 48 px and 4 of 24 px, all of one view after another: masks, gradients of
  the first step before clipping, student and teacher after steps. Losses, rates and momenta are in `dino_v2.json`.
* `dino_v2_rates.json`: the factors of rate and decay of each parameter of networks with 12 blocks and with 2.

Of gradients and parameters with more than KEPT numbers, every STRIDE-th is kept.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
KEPT, STRIDE = 300, 23
STEPS = ("train_centering_shared", "train_sinkhorn_separate")


def thinned(values):
    values = values.astype(np.float32)
    return values.ravel()[::STRIDE].copy() if values.size > KEPT else values


def main(reference):
    kept, about = {}, {}
    for case in ("koleo", "sinkhorn"):
        file = f"loss_{case}" if case == "koleo" else case
        for name, values in load_file(reference / f"dinov2/{file}.safetensors").items():
            kept[f"{case}/{name}"] = values.astype(np.float32)
        about[case] = json.loads((reference / f"dinov2/{file}.json").read_text())
    for case in STEPS:
        for name, values in load_file(reference / f"dinov2/{case}.safetensors").items():
            if name.endswith("masks"):
                kept[f"{case}/{name}"] = values.astype(np.float32)
            elif not name.startswith("init."):
                kept[f"{case}/{name}"] = thinned(values)
        found = json.loads((reference / f"dinov2/{case}.json").read_text())
        about[case] = {name: found[name] for name in ("settings", "hyper", "losses")}
    (HERE / "dino_v2.json").write_text(json.dumps(about, indent=1) + "\n")
    rates = json.loads((reference / "dinov2/lr_multipliers.json").read_text())
    one = {name: {what: of[what] for what in ("depth", "layerwise_decay", "patch_embed_lr_mult", "parameters")} for name, of in rates.items() if of.get("block_chunks") == 0}
    (HERE / "dino_v2_rates.json").write_text(json.dumps(one) + "\n")
    path = HERE / "dino_v2.safetensors"
    notes = {"made_by": "tests/golden/dino_v2.py", "computed_in": "float64"}
    save_file(kept, path, metadata={"golden": json.dumps(notes, sort_keys=True)})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(kept)} tensors")


main(pathlib.Path(sys.argv[1]))
