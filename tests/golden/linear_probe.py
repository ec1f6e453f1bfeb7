"""Golden values of linear classifiers that are trained side by side (`src/evaluate/probe`), taken from a run of published code.

    python linear_probe.py REFERENCE        numpy, safetensors

REFERENCE is a folder of cases that were computed with the classifiers of facebookresearch/dinov2 b8931f7 (`eval/linear.py`) and AdamW of
torch 2.15.0 on one CPU, in float64 from float32 weights and inputs: 90 images of 4 classes, 30 steps of 16, four rates (1e-3 to 1, times
16 / 256), a weight decay of 0.01 for every other classifier, rates along a cosine to 0.

* `x`, `labels`: class tokens of a block, which are features, and labels; `batches`: rows of each step.
* `<i>.weight_0`, `<i>.weight`, `<i>.bias`, `<i>.logits`: classifier i of the four on these features: before, after, and on all images.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
RATES = ("0_00006", "0_00063", "0_00625", "0_06250")


def recipe(seed, name, shape, std):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) % 2**64
    z = np.uint64(seed ^ h) + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (std * np.sqrt(3.0) * (2 * ((z >> np.uint64(11)).astype(np.float64) * 2.0**-53) - 1)).astype(np.float32).reshape(shape)


def main(reference):
    about = json.loads((reference / "linear_probe/adamw.json").read_text())
    file = load_file(reference / "linear_probe/adamw.safetensors")
    last = max(name for name in file if name.startswith("block_") and name.endswith(".cls"))
    kept = {"x": file[last], "labels": file["labels"], "batches": file["batches"]}
    for at, rate in enumerate(RATES):
        name = f"classifier_1_blocks_avgpool_False_lr_{rate}"
        assert name in about["names"]
        kept[f"{at}.weight_0"] = recipe(9000, f"w.{name}", file[f"{name}.weight"].shape, 0.01)
        for what in ("weight", "bias", "logits"):
            kept[f"{at}.{what}"] = file[f"{name}.{what}"]
    kept = {name: np.ascontiguousarray(values.astype(np.float32)) for name, values in kept.items()}
    save_file(kept, HERE / "linear_probe.safetensors", metadata={"source": "facebookresearch/dinov2 b8931f7, torch 2.15.0"})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
