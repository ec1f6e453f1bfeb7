"""Makes rotate.json: SciPy's rotation of a small oblong image, mirrored at its edge, linear.

Only a sample of each output is kept. Run it with any recent scipy; the versions used are in the file.
"""
import json
import pathlib

import numpy as np
import scipy
from scipy.ndimage import rotate

HEIGHT, WIDTH, CHANNELS, STEP = 9, 14, 3, 17


def image(channel):
    """Grey levels that the Rust test computes too."""
    r, c = np.mgrid[:HEIGHT, :WIDTH]
    return (r * r + 3 * c + r * c // 7 + 50 * channel) % 251


planes = np.stack([image(channel) for channel in range(CHANNELS)]).astype(float)
cases = []
for angle in [30, -75, 90, 161, 200]:
    turned = rotate(planes, angle, axes=(2, 1), reshape=False, order=1, mode="reflect")
    cases.append({"angle": angle, "values": turned.flatten()[::STEP].round(3).tolist()})
square = planes[:, :, :HEIGHT]
assert np.allclose(rotate(square, 90, axes=(2, 1), reshape=False, order=1), np.rot90(square, axes=(1, 2)))

versions = {"scipy": scipy.__version__, "numpy": np.__version__}
size = [HEIGHT, WIDTH, CHANNELS]
out = {"versions": versions, "size": size, "step": STEP, "cases": cases}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
