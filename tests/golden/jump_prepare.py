"""What DeepProfiler's steps make of small images: with scikit-image 0.24, numpy 2, scipy 1.17.

Writes jump_prepare.json. Illumination: mean of quarter-size images, median over a disk, back to full size, divided by its
second percentile, at least 1. Picture: divided by that, halved, stretched to 8 bits between the image's 0.05th percentile
and the smaller of its 99.95th and the plate's 99.99th.
"""

import json
import pathlib

import numpy as np
import scipy.stats
from skimage import exposure, filters, img_as_ubyte, morphology, transform

random = np.random.default_rng(17)


def resized(image, shape):
    return transform.resize(image, shape, mode="reflect", anti_aliasing=True, preserve_range=True)


def field(height, width):
    rows, columns = np.mgrid[:height, :width]
    lit = 1 - 0.5 * (((rows / height - 0.4) ** 2) + ((columns / width - 0.6) ** 2))
    cells = sum(
        np.exp(-(((rows - random.uniform(0, height)) ** 2 + (columns - random.uniform(0, width)) ** 2) / 18)) for _ in range(6)
    )
    return (lit * (400 + 3000 * cells + random.normal(0, 15, (height, width)))).clip(0, 65535).astype(np.uint16)


def case(height, width, count, radius, bright):
    images = [field(height, width) for _ in range(count)]
    images[0][0, 0] = bright
    # the mean of thumbs a quarter as large (scikit-image rounds the sizes)
    mean = sum(resized(image.astype(np.float64), (height / 4, width / 4)) for image in images) / count
    smooth = filters.median(mean.astype(np.uint16), morphology.disk(radius))
    smooth = resized(smooth.astype(np.float64), (height, width))
    low = scipy.stats.scoreatpercentile(smooth, 2)
    light = np.maximum(smooth, low) / low
    histogram = np.bincount(np.concatenate([image.ravel() for image in images]), minlength=65536)
    top = int(np.argmax(np.cumsum(histogram / histogram.sum()) > 0.9999))
    halved = resized(images[0] / light, (int(0.5 * height), int(0.5 * width)))
    bottom, high = scipy.stats.scoreatpercentile(halved, (0.05, 99.95))
    high = min(high, top)
    eight = img_as_ubyte(exposure.rescale_intensity(halved.clip(bottom, high), out_range=(0, 1)))
    return {
        "height": height,
        "width": width,
        "radius": radius,
        "images": [image.ravel().tolist() for image in images],
        "light": light.ravel().round(11).tolist(),
        "top": top,
        "halved": halved.ravel().round(8).tolist(),
        "eight": eight.ravel().tolist(),
    }


cases = [case(24, 20, 3, 2, 40000), case(17, 23, 2, 3, 900), case(30, 12, 1, 12, 65535)]
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
