"""Golden values of Channel-ViT (`src/adapter/channel_vit`, `src/backbone/vit/tests/channels`), taken from runs of published code.

    python channel_vit.py REFERENCE        numpy, safetensors

REFERENCE is a folder of cases that were computed with insitro/ChannelViT 1077a10, torch 2.15.0 on one CPU, in float64 from float32
weights and inputs: a network of width 32 with two blocks, two heads, patches of 8 px, positions of 4 x 4 patches, a table of 8
channels. Weights and images are by the recipe of `vit.py`; images have the named channels of eight, in this order.

* `plain/<H>x<W>.ch<channels>.cls`, `.patch_mean_per_channel`, `.tokens`: class token, the mean over the patches of each channel, all tokens,
  behind the last normalisation. `.loss` = sum(cls * loss_cls) + mean(tokens * loss_tokens), and its gradients `.grad.<parameter>`.
* `hcs/<H>x<W>...`: the same of the form that stores the table as rows (the one with hierarchical sampling, which draws nothing here).
* `sampled/<i>.cls`, `.loss`, `.grad.<parameter>`: that form in training, where the drawn channels are those of DRAWS.

Of gradients and tokens with more than KEPT numbers, every STRIDE-th is kept, but all of positions.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
KEPT, STRIDE = 300, 23
DRAWS = [(5, [2, 0, 1]), (8, [6, 1, 7, 3, 0]), (4, [3])]


def thinned(values):
    values = values.astype(np.float32)
    return values.ravel()[::STRIDE].copy() if values.size > KEPT else values


def main(reference):
    kept = {}
    for case, file in (("plain", "plain"), ("hcs", "hcs_eval"), ("sampled", "hcs_train")):
        about = json.loads((reference / f"channelvit/{file}.json").read_text())
        if case == "sampled":
            draws = [(draw["channels_in_image"], draw["subset_in_drawn_order"]) for draw in about["draws"]]
            assert draws == DRAWS
        for name, values in load_file(reference / f"channelvit/{file}.safetensors").items():
            whole = name.endswith("pos_embed") or not (".grad." in name or name.endswith(".tokens"))
            kept[f"{case}/{name}"] = values.astype(np.float32) if whole else thinned(values)
        print(case, about["max_relative_deviation_of_f32_run"])
    save_file(kept, HERE / "channel_vit.safetensors", metadata={"source": "insitro/ChannelViT 1077a10, torch 2.15.0"})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
