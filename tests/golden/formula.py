"""The formula that fills whole models in golden files, so that no weights need to be stored.

Element j of the tensor called `name` is

    value(name, j) = offset + amplitude * sin(0.37 * j + phase(name))

* j = 0, 1, 2, … runs over the row-major (C order) elements of the tensor in its PyTorch layout
  (convolutions: out, in / groups, height, width; linear: out, in; images: N, C, H, W);
* phase(name) = (sum of the bytes of the UTF-8 name) mod 97, an integer, in radians;
* everything is float64 in exactly this order (one product, one sum, sine, one product, one sum, no fused
  multiply-add), and the result is rounded to float32 once;
* offset and amplitude follow from the name and the rank; the first rule that fits holds:

    name ends in `gamma` (layer scale)       offset 0.5   amplitude 0.1
    rank >= 2 (convolution, linear)          offset 0     amplitude 0.02
    name ends in `.weight` (norms, rank 1)   offset 1     amplitude 0.1
    anything else (biases)                   offset 0     amplitude 0.1

Tensors that are not parameters of the backbone state their amplitude (offset 0): the images, called `input`,
amplitude 1; `proxies`, amplitude 1/8.
"""

import numpy as np
import torch


def phase(name: str) -> int:
    return sum(name.encode()) % 97


def fill(name: str, shape, amplitude: float, offset: float = 0.0) -> torch.Tensor:
    """The float32 tensor that `offset + amplitude * sin(0.37 j + phase)` gives."""
    j = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = offset + amplitude * np.sin(0.37 * j + phase(name))
    return torch.from_numpy(values.astype(np.float32)).reshape(tuple(shape))


def parameter(name: str, shape) -> torch.Tensor:
    """A backbone parameter under its timm name."""
    if name.endswith("gamma"):
        return fill(name, shape, 0.1, 0.5)
    if len(shape) >= 2:
        return fill(name, shape, 0.02)
    if name.endswith(".weight"):
        return fill(name, shape, 0.1, 1.0)
    return fill(name, shape, 0.1)


def fill_module(module: torch.nn.Module) -> None:
    """Overwrites every parameter of `module` by the formula."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            value.copy_(parameter(name, value.shape))
