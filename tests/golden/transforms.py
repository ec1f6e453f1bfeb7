"""Makes transforms.json: torchvision's resize, centre crop and resized crop, and SciPy's thin-plate spline.

Only a sample of each output is kept. Run it with any recent torchvision and scipy; the versions used stand in the file.
"""
import json
import pathlib

import numpy as np
import scipy
import torch
import torchvision
import torchvision.transforms.v2.functional as F
from scipy.interpolate import RBFInterpolator


def image(height, width, channel):
    """Grey levels that the Rust test computes too."""
    r, c = np.mgrid[:height, :width]
    return ((r * r + 3 * c + r * c // 7 + 50 * channel) % 251).astype(np.uint8)


def sample(view):
    flat = view.double().flatten()
    step = max(1, len(flat) // 150) | 1
    return {"step": step, "values": [round(x, 8) for x in flat[::step].tolist()], "sum": flat.sum().item()}


def tensor(height, width, channels):
    planes = np.stack([image(height, width, c) for c in range(channels)])
    return torch.from_numpy(planes).double() / 255  # weights in single precision would be off by up to 4e-6


def normalise(x):
    mean = torch.tensor([0.1 + 0.05 * c for c in range(x.shape[0])])
    sd = torch.tensor([0.2 + 0.03 * c for c in range(x.shape[0])])
    return (x - mean[:, None, None]) / sd[:, None, None]


cases = []
sizes = [(238, 374, 3, 224), (512, 512, 4, 224), (160, 160, 5, 224), (374, 238, 1, 224), (40, 40, 3, 64), (64, 64, 2, 64)]
sizes += [(37, 54, 1, 16), (37, 49, 1, 16), (32, 32, 5, 64), (1, 1, 1, 8)]
for height, width, channels, side in sizes:
    x = F.resize(tensor(height, width, channels), [side], antialias=True)
    x = normalise(F.center_crop(x, [side, side]))
    cases.append({"size": [height, width, channels, side], "crop": None, "flip": False, **sample(x)})
crops = [(238, 374, 3, 224, (0, 56, 238, 262), False), (160, 160, 2, 224, (3, 7, 150, 141), True)]
crops += [(512, 512, 1, 224, (40, 0, 460, 500), True), (40, 40, 3, 64, (1, 4, 37, 36), False), (60, 70, 1, 16, (5, 9, 50, 55), True)]
for height, width, channels, side, (top, left, h, w), flip in crops:
    x = F.resized_crop(tensor(height, width, channels), top, left, h, w, [side, side], antialias=True)
    x = normalise(F.horizontal_flip(x) if flip else x)
    cases.append({"size": [height, width, channels, side], "crop": [top, left, h, w], "flip": flip, **sample(x)})

splines = []
offsets = np.array([(3, -2), (-1, 2), (2, 1), (-3, 1), (2, -4), (0.5, 1), (-2, -3), (4, 0.5), (-1, 3)], float)
for height, width in [(40, 64), (50, 50)]:
    points = np.array([(a, b) for a in (0, (width - 1) / 2, width - 1) for b in (0, (height - 1) / 2, height - 1)])
    spline = RBFInterpolator(points + offsets, points, kernel="thin_plate_spline", degree=1)
    pixels = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (7, 11), (20, 31), (33, 45), (39, 5)]
    maps = [spline([(c, r)])[0][::-1].tolist() for r, c in pixels]
    splines.append({"size": [height, width], "pixels": pixels, "from": maps})

versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
out = {"versions": versions, "views": cases, "offsets": offsets.tolist(), "splines": splines}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
