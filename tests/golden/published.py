"""Golden values of published transformers (`src/backbone/{published,vit}`), taken from runs of published code.

    python published.py REFERENCE        numpy, safetensors

REFERENCE is a folder of cases that were computed with facebookresearch/dinov2 b8931f7 (`dv2_*`, `droppath`) and with the
checkpoints of several programs (`names`), torch 2.15.0 on one CPU, in float64 from float32 weights and inputs. Weights and
images are the recipe of `vit.py`, which the tests repeat.

* `vit/<case>/<H>x<W>.cls`, `.patch_mean`, `.cls_block_-2`: as in `vit.py`; the last is the class token of the last block but
  one behind the final normalisation.
    dv2_off01, dv2_off01_aa    positions with the offset of 0.1, without and with antialiasing
    dv2_reg4_off0_aa           four registers, no offset, antialiasing
    dv2_p14_g37                patches of 14 px, positions of 37 x 37 patches, width 32
    dv2_1ch_nols               one channel, no layer scale
    dv2_swiglu                 SwiGLU, 176 numbers in its hidden layer, positions of 4 x 4 patches
* `grad/<case>/...`: as in `vit.py`. `dv2_native_masked`: `masks` (1 where the mask token takes a patch's place), positions of
  6 x 6 patches. `dv2_interpolated`: 64 px with the same positions, offset 0.1.
* `droppath/<case>/...`: a block of DINOv2 in its list form with two groups of images, of which some were kept: outputs `out_*`,
  gradients `grad.*` of sum(out * loss) over both groups.
* `names/<kind>.cls`, `.patch_mean`, `.logits`: what one and the same transformer gives, whichever layout its file has.

Beside it, `names/*.pkl` are the pickles of the four checkpoints that PyTorch wrote; their storages are the recipe.

Of gradients with more than KEPT numbers, every STRIDE-th is kept.
"""

import json
import pathlib
import sys
import zipfile

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
KEPT, STRIDE = 300, 23


def thinned(values):
    values = values.astype(np.float32)
    return values.ravel()[::STRIDE].copy() if values.size > KEPT else values


def main(reference):
    kept, deviations = {}, {}
    for case in ("dv2_off01", "dv2_off01_aa", "dv2_reg4_off0_aa", "dv2_p14_g37", "dv2_1ch_nols", "dv2_swiglu"):
        for name, values in load_file(reference / f"vit/{case}.safetensors").items():
            if name.endswith((".cls", ".patch_mean", ".cls_block_-2")):
                kept[f"vit/{case}/{name}"] = values.astype(np.float32)
        about = json.loads((reference / f"vit/{case}.json").read_text())
        deviations[f"vit/{case}"] = about["max_abs_deviation_of_f32_run"]
    for case in ("dv2_native_masked", "dv2_interpolated"):
        for name, values in load_file(reference / f"grad/{case}.safetensors").items():
            if name != "grad_input":
                kept[f"grad/{case}/{name}"] = thinned(values) if name.startswith("grad.") else values.astype(np.float32)
        about = json.loads((reference / f"grad/{case}.json").read_text())
        deviations[f"grad/{case}"] = about["max_relative_deviation_of_f32_run"]["value"]
    for case in ("list_min1", "list_r01_nols", "list_r03"):
        for name, values in load_file(reference / f"droppath/{case}.safetensors").items():
            if name.startswith(("out_", "grad.", "kept.", "loss")):
                kept[f"droppath/{case}/{name}"] = thinned(values)
        about = json.loads((reference / f"droppath/{case}.json").read_text())
        deviations[f"droppath/{case}"] = about["max_relative_deviation_of_f32_run"]
    for name, values in load_file(reference / "names/expected.safetensors").items():
        if name != "images":
            kept[f"names/{name}"] = values.astype(np.float32)
    (HERE / "names").mkdir(exist_ok=True)
    for file in ("dino1_checkpoint", "dinov2_teacher_checkpoint", "plain_deit_model_key", "dinov2_meta"):
        with zipfile.ZipFile(reference / f"names/{file}.pth") as archive:
            (HERE / f"names/{file}.pkl").write_bytes(archive.read(f"{file}/data.pkl"))
    notes = {"made_by": "tests/golden/published.py", "computed_in": "float64", "deviation_of_float32": deviations}
    path = HERE / "published.safetensors"
    save_file(kept, path, metadata={"golden": json.dumps(notes, sort_keys=True)})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(kept)} tensors")


main(pathlib.Path(sys.argv[1]))
