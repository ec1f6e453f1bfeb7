"""Checkpoints laid out as those that CHAMMI's authors released, small, and the features that PyTorch takes with them.

    python tests/golden/checkpoints.py                  # the small ones, beside this script
    python tests/golden/checkpoints.py --full DIR       # DIR/hypernet.pt at full size (z 128, hidden 256), 340 MB

A checkpoint is a dictionary of epoch, accuracy, config (an OmegaConf object), optimizer_params, model_params,
scheduler_params, scaler_params and datetime. The model is a module whose parameters have the released names: the first
layer as in `adapters.py` and `model_steps.py`; the same once more as `adaptive_interface`; `feature_extractor`, a list
of the stem (FixedChannels), its norm (others) or nothing (Depthwise), stages 0 and 1, and downsampling and blocks of
stages 2 and 3 one by one; `proxies`; `logit_scale` for those trained with it. Backbone: timm's ConvNeXt of depths
(3, 3, 9, 3) and widths (4, 6, 8, 12), 3 kernels, 6 templates, z = 5, hidden 7, on all three sets of CHAMMI.

Parameters are normal draws: matrices and filters of deviation 1 / sqrt(inputs), `gamma` 0.5 + 0.1 n, weights of norms
1 + 0.2 n, the rest 0.2 n. What the files differ in besides the adapter:

    checkpoints/depthwise.pt        the format before PyTorch 1.6; the way to pool is a member of an enumeration
    checkpoints/target_param.pt     the date is an object
    checkpoints/slice_param.pt      pickle protocol 4, accuracy is a number of NumPy's
    checkpoints/hypernet.pt         as released
    checkpoints/template_mixing.pt  64-bit proxies; `adaptive_interface.0` is a copy, not the same tensor
    checkpoints/hpa.pt              FixedChannels; the stem's weight lies channels-last
    checkpoints/tensors.pt          no model: tensors of several types and strides, and a whole number of 81 bits

`checkpoints.safetensors`: `<file>/<set>.features`, computed in float64, of the image `input.<set>` (1, C, 64, 64) of
`formula.py` with amplitude 1.
"""

import argparse
import datetime
import enum
import pathlib

import adapters
import numpy
import omegaconf
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from timm.models.convnext import ConvNeXt
from torch import nn

import formula
from keep import HERE, rand, save

DEPTHS, WIDTHS, FULL = (3, 3, 9, 3), (4, 6, 8, 12), (96, 192, 384, 768)
CHANNELS = {
    "Allen": ["nucleus", "membrane", "protein"],
    "HPA": ["microtubules", "protein", "nucleus", "er"],
    "CP": ["nucleus", "er", "rna", "golgi", "mito"],
}
# `adapters.py` knows two sets; its functions look these up.
adapters.CHANNELS = CHANNELS
adapters.BANK = sorted(set().union(*CHANNELS.values()))
adapters.ROWS = {k: [adapters.BANK.index(channel) for channel in channels] for k, channels in CHANNELS.items()}
adapters.SLOTS = {"Allen": [0, 1, 2], "HPA": [3, 4, 5, 6], "CP": [7, 8, 9, 10, 11]}
KERNELS, TEMPLATES = adapters.KERNELS, adapters.TEMPLATES


class ChannelPooling(enum.Enum):
    WEIGHTED = "weighted_sum_random"


def hypernet(p, name, x):
    a = torch.einsum("cz,zid->cid", p[f"conv1_emb.{name}"], p["hypernet.W"]) + p["hypernet.b"]
    kernels = torch.einsum("cid,dohw->ocihw", a, p["hypernet.W_out"]) + p["hypernet.b_out"][:, None, None]
    return F.conv2d(x, kernels.squeeze(2), stride=4)


def fixed(p, name, x):
    return x


FORWARD = {
    "depthwise": adapters.depthwise,
    "target_param": adapters.target_param,
    "slice_param": adapters.slice_param,
    "hypernet": hypernet,
    "template_mixing": adapters.template_mixing,
    "hpa": fixed,
}


def free(*shape):
    return nn.Parameter(torch.zeros(shape))


def per_set(*rest):
    return nn.ParameterDict({k: free(len(channels), *rest) for k, channels in CHANNELS.items()})


class HyperNetwork(nn.Module):
    def __init__(self, z, hidden, out):
        super().__init__()
        self.W, self.b = free(z, 1, hidden), free(1, hidden)
        self.W_out, self.b_out = free(hidden, out, 4, 4), free(out, 4, 4)


class Released(nn.Module):
    def __init__(self, adapter, widths=WIDTHS, z=5, hidden=7, classes=14, temperature=False):
        super().__init__()
        out, inputs = widths[0], len(CHANNELS["HPA"]) if adapter == "hpa" else 3
        net = ConvNeXt(in_chans=inputs, depths=DEPTHS, dims=widths, num_classes=0)
        front = [net.stem[1]]
        if adapter == "depthwise":
            self.get_patch_emb = nn.ModuleDict(
                {k: nn.Conv2d(len(c), len(c), 4, 4, groups=len(c)) for k, c in CHANNELS.items()}
            )
            self.conv1depthwise_param_bank = free(len(adapters.BANK) * KERNELS, 1, 3, 3)
            self.conv_1x1 = nn.Conv2d(KERNELS, out, 1, bias=False)
            self.weighted_sum_pooling = free(len(adapters.BANK))
            self.norm = nn.InstanceNorm2d(out, affine=True)
            shared = [self.get_patch_emb, self.conv_1x1, self.conv1depthwise_param_bank, self.weighted_sum_pooling]
            self.adaptive_interface = nn.ParameterList(shared)
            front = []
        elif adapter == "target_param":
            self.first_layer = nn.ModuleDict({k: nn.Conv2d(len(c), out, 4, 4) for k, c in CHANNELS.items()})
            self.adaptive_interface = nn.ModuleList([self.first_layer])
        elif adapter == "slice_param":
            self.conv1_param_bank = free(out, len(adapters.BANK), 4, 4)
            self.class_emb = free(out, 12, 4, 4)
            self.adaptive_interface = nn.ParameterList([self.conv1_param_bank])
        elif adapter == "hypernet":
            self.conv1_emb = per_set(z)
            self.hypernet = HyperNetwork(z, hidden, out)
            self.adaptive_interface = nn.ModuleList([self.conv1_emb, self.hypernet])
        elif adapter == "template_mixing":
            self.conv1_param_bank = free(out, TEMPLATES, 4, 4)
            self.conv1_coefs = per_set(TEMPLATES)
            self.adaptive_interface = nn.ParameterList([self.conv1_param_bank, self.conv1_coefs])
        else:
            self.adaptive_interface = None
            front = [net.stem]
        self.feature_extractor = nn.Sequential(
            *front,
            *net.stages[:2],
            net.stages[2].downsample,
            *net.stages[2].blocks,
            net.stages[3].downsample,
            *net.stages[3].blocks,
        )
        self.proxies = free(classes, widths[3])
        if temperature:
            self.logit_scale = nn.Parameter(torch.zeros([]))
        self.adapter = adapter

    def features(self, name, x):
        stem = FORWARD[self.adapter](dict(self.named_parameters()), name, x)
        return self.feature_extractor(stem).mean((2, 3))

    def draw(self):
        with torch.no_grad():
            for name, p in self.named_parameters():
                if name.endswith("gamma"):
                    p.copy_(rand(*p.shape, scale=0.1, shift=0.5))
                elif p.dim() >= 2:
                    p.copy_(rand(*p.shape, scale=p[0].numel() ** -0.5))
                elif name.endswith("weight") and p.dim() == 1:
                    p.copy_(rand(*p.shape, scale=0.2, shift=1))
                else:
                    p.copy_(rand(*p.shape, scale=0.2))


def checkpoint(model, trained, **changes):
    """What the trainer saves; `trained` are the parameters that the optimiser has stepped."""
    optimiser = torch.optim.AdamW([{"params": trained, "lr": 4e-4}, {"params": [], "lr": 4e-4}], weight_decay=5e-5)
    for p in trained:
        p.grad = torch.ones_like(p)
    optimiser.step()
    model.draw()
    word = {"name": "as_released", "pooling": "avg", "temperature": 0.07, "in_channel_names": adapters.BANK}
    if model.adapter == "depthwise":
        word["pooling_channel_type"] = ChannelPooling.WEIGHTED
    config = OmegaConf.create(
        {
            "model": word,
            "dataset": {"name": "morphem70k", "img_size": 224, "label_column": None},
            "optimizer": {"name": "adamw", "params": {"lr": 4e-4, "betas": [0.9, 0.999]}},
            "train": {"num_epochs": 15, "seed": 125617, "batch_size": 128, "rate": "${optimizer.params.lr}"},
        }
    )
    saved = {
        "epoch": 15,
        "accuracy": None,
        "config": config,
        "optimizer_params": optimiser.state_dict(),
        "model_params": model.state_dict(),
        "scheduler_params": {"base_values": [4e-4, 4e-4], "warmup_steps": [1.3e-4], "metric": None, "t_in_epochs": True},
        "scaler_params": torch.amp.GradScaler("cpu", enabled=False).state_dict(),
        "datetime": "2023-06-01 12:00:00",
    }
    return {**saved, **changes}


def small(folder):
    kept = {}
    options = {
        "depthwise": ({}, {"_use_new_zipfile_serialization": False}),
        "target_param": ({"datetime": datetime.datetime(2023, 6, 1, 12)}, {}),
        "slice_param": ({"accuracy": numpy.float64(0.5)}, {"pickle_protocol": 4}),
        "hypernet": ({}, {}),
        "template_mixing": ({"epoch": 14}, {}),
        "hpa": ({}, {}),
    }
    for adapter, (changes, how) in options.items():
        learned = adapter in ("target_param", "slice_param")
        model = Released(adapter, classes=4 if adapter == "hpa" else 14, temperature=learned)
        trained = list(model.feature_extractor[0].parameters())[:2]
        saved = checkpoint(model, trained, **changes)
        parameters = saved["model_params"]
        if adapter == "template_mixing":
            parameters["proxies"] = parameters["proxies"].double()
            parameters["adaptive_interface.0"] = parameters["adaptive_interface.0"].clone()
        if adapter == "hpa":
            stem = "feature_extractor.0.0.weight"
            parameters[stem] = parameters[stem].contiguous(memory_format=torch.channels_last)
            assert not parameters[stem].is_contiguous()
        path = folder / f"{adapter}.pt"
        torch.save(saved, path, **how)
        path.chmod(0o644)
        print(f"{path.name}: {path.stat().st_size} bytes, {sum(p.numel() for p in model.parameters())} parameters")
        model = model.double()
        for name, channels in CHANNELS.items():
            if adapter != "hpa" or name == "HPA":
                x = formula.fill(f"input.{name}", (1, len(channels), 64, 64), 1.0).double()
                kept[f"{adapter}/{name}.features"] = model.features(name, x).detach()
    save("checkpoints", kept, computed_in="float64", omegaconf=omegaconf.__version__)
    table = torch.arange(12.0).reshape(3, 4)
    others = {
        "transposed": table.t(),
        "part": table.flatten()[4:8],
        "scalar": torch.tensor(2.5),
        "none": torch.zeros(0, 3),
        "double": torch.tensor([0.1], dtype=torch.float64),
        "half": torch.ones(2, dtype=torch.float16),
        "parameter": nn.Parameter(torch.ones(2)),
    }
    torch.save({"epoch": -3, "long": 2**80, "model_params": others}, folder / "tensors.pt")
    (folder / "tensors.pt").chmod(0o644)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=pathlib.Path)
    full = parser.parse_args().full
    if full is None:
        small(HERE / "checkpoints")
        return
    model = Released("hypernet", FULL, z=128, hidden=256)
    torch.save(checkpoint(model, list(model.parameters())[:-1]), full / "hypernet.pt")
    print(sum(p.numel() for p in model.parameters()), "parameters")


if __name__ == "__main__":
    main()
