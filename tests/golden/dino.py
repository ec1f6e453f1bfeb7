"""Golden values of self-distillation (`src/loss/dino_v1`, `src/train/tests/dino`), taken from runs of published code.

    python dino.py REFERENCE        numpy, safetensors

REFERENCE is a folder of cases that were computed with facebookresearch/dino 7c446df and cfredinh/coda 8bccf95, with torch
2.15.0 on one CPU, in float64 from float32 weights and inputs. Weights and images are by the recipe of `vit.py`.

* `head_gain_{fixed,free}/...`: weights of DINO's head without batch norm, features `x`, its output, and gradients of
  sum(out * loss_weights).
* `loss/<call>.{student,teacher,loss,grad_student,center_after}`: four calls of DINO's loss in a row with 8 views of 4 images,
  view after view; the centre carries over. Temperatures 0.04, 0.055, 0.07, 0.07, the student's 0.1.
* `train_3steps`, `train_3steps_free_gain`, `coda_steps`: whole trainings of a ViT of width 32 with two blocks and patches of
  8 px, three images of 32 px in a step: gradients of the first step before clipping (`step1.grad.*`), student and teacher
  after steps, the centre, losses. Rate, decay and momentum of each step are in the metadata.
* `dino_schedules.json`: DINO's `cosine_scheduler` and temperatures, and the values of CODA's schedulers in each step.

* `dino_partners.json`: a small table, its training rows, and whom 400 draws of CODA's code paired each of them with.

Of gradients and parameters with more than KEPT numbers, every STRIDE-th is kept.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
KEPT, STRIDE = 300, 23
STEPS = {"train_3steps": "dino1/train_3steps", "train_3steps_free_gain": "dino1/train_3steps_free_gain", "coda_steps": "coda/dino_3steps"}


def thinned(values):
    values = values.astype(np.float32)
    return values.ravel()[::STRIDE].copy() if values.size > KEPT else values


def main(reference):
    kept = {}
    for case in ("head_gain_fixed", "head_gain_free", "loss"):
        for name, values in load_file(reference / f"dino1/{case}.safetensors").items():
            kept[f"{case}/{name}"] = values.astype(np.float32)
    schedules = {name: json.loads((reference / f"{name}/schedules.json").read_text()) for name in ("dino1", "coda")}
    for case, file in STEPS.items():
        for name, values in load_file(reference / f"{file}.safetensors").items():
            if name.startswith("step") or name == "losses":
                kept[f"{case}/{name}"] = thinned(values)
        about = json.loads((reference / f"{file}.json").read_text())
        names = ("settings", "lr", "lr_used", "weight_decay", "weight_decay_used_group0", "momentum", "momentum_used")
        schedules[case] = {name: about[name] for name in names if name in about}
    (HERE / "dino_schedules.json").write_text(json.dumps(schedules, indent=1) + "\n")
    (HERE / "dino_partners.json").write_text((reference / "coda/partners.json").read_text())
    path = HERE / "dino.safetensors"
    notes = {"made_by": "tests/golden/dino.py", "computed_in": "float64"}
    save_file(kept, path, metadata={"golden": json.dumps(notes, sort_keys=True)})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(kept)} tensors")


main(pathlib.Path(sys.argv[1]))
