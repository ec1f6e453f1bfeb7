"""Loads a safetensors file that we wrote into timm, strictly, and prints `ok`. Not part of the tests: it needs Python.

    python tests/golden/timm_roundtrip.py convnext_tiny backbone.safetensors

The file may hold the backbone alone (timm's model is then built without head) or a head too; the number of input
channels is read from `stem.0.weight`. A missing, unexpected or misshapen tensor, or a value that is not finite, fails.
"""

import sys

import safetensors.torch
import timm
import torch

name, path = sys.argv[1:]
weights = safetensors.torch.load_file(path)
head = weights.get("head.fc.weight")
model = timm.create_model(
    name,
    pretrained=False,
    in_chans=weights["stem.0.weight"].shape[1],
    num_classes=0 if head is None else head.shape[0],
)
if not any(k.startswith("head.") for k in weights):
    model.head = torch.nn.Identity()
model.load_state_dict(weights, strict=True)
for key, value in weights.items():
    if not torch.isfinite(value).all():
        sys.exit(f"{key} holds values that are not finite")
with torch.no_grad():
    model.eval()(torch.zeros(1, model.in_chans, 64, 64))
print("ok")
