"""Writes golden files: float32 safetensors whose header says which versions made them."""

import json
import pathlib
import platform

import numpy
import safetensors.torch
import timm
import torch

HERE = pathlib.Path(__file__).parent
VERSIONS = {
    "python": platform.python_version(),
    "torch": torch.__version__,
    "timm": timm.__version__,
    "numpy": numpy.__version__,
}

torch.set_num_threads(1)
torch.manual_seed(0)


def rand(*shape, scale=1.0, shift=0.0):
    """A normal draw, rounded to float32 so that the stored input is the one computed with, widened to float64."""
    return (torch.randn(shape, dtype=torch.float64) * scale + shift).float().double()


def save(name: str, tensors: dict, **notes) -> None:
    """Stores `tensors` (rounded to float32, scalars as one element) with versions and notes.

    All metadata are one JSON string under `golden`: safetensors writes several keys in no fixed order.
    """
    stored = {}
    for k, v in tensors.items():
        stored[k] = v.detach().float().reshape(v.shape or (1,)).contiguous().clone()
        assert torch.isfinite(stored[k]).all(), k
    notes = {"made_by": f"tests/golden/{name}.py", **VERSIONS, **notes}
    path = HERE / f"{name}.safetensors"
    safetensors.torch.save_file(stored, path, metadata={"golden": json.dumps(notes, sort_keys=True)})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes")
    for k in sorted(stored):
        print(f"  {k} {list(stored[k].shape)}")
