"""A plate of small 16-bit images through DeepProfiler's two passes, with scikit-image 0.26, numpy 2.4, scipy 1.17.

Writes jump_plate.json: for each site of the labelled wells the 8-bit tape, as hexadecimal digits. Levels are whole numbers by
the formula of `level`, which the test repeats. First pass, of a channel over all sites: mean of quarter-size images, median
over a disk of 24, back to full size, divided by its second percentile, at least 1; and the grey level that 99.99 % of the
pixels are below. Second: divided by that light, halved, between the image's 0.05th percentile and the smaller of its 99.95th
and the plate's 99.99th stretched to 8 bits.
"""

import json
import pathlib

import numpy as np
import scipy.stats
from skimage import exposure, filters, img_as_ubyte, morphology, transform

HEIGHT, WIDTH, SITES, CHANNELS = 60, 72, 2, 5
WELLS = {"A05": False, "A21": True, "B04": True, "B15": True}  # with a mechanism of action or not


def level(well, site, channel, y, x):
    seed = well * 7 + site * 3 + channel
    value = 400 + 37 * channel + (x * 7 + y * 13 + seed * 31) % 23
    for blob in range(5):
        cy, cx = (seed * 17 + blob * 23) % HEIGHT, (seed * 29 + blob * 31) % WIDTH
        value += 40 * max(0, 36 - (y - cy) ** 2 - (x - cx) ** 2)
    light = 1000 - (x - WIDTH // 3) ** 2 // 8 - (y - HEIGHT // 2) ** 2 // 12
    return value * light // 1000


def resized(image, shape):
    return transform.resize(image, shape, mode="reflect", anti_aliasing=True, preserve_range=True)


def image(well, site, channel):
    rows = [[level(well, site, channel, y, x) for x in range(WIDTH)] for y in range(HEIGHT)]
    return np.array(rows, dtype=np.uint16)


tapes = {name + f"_s{site + 1}": [] for name, kept in WELLS.items() if kept for site in range(SITES)}
for channel in range(CHANNELS):
    images = {
        name + f"_s{site + 1}": image(well, site, channel) for well, name in enumerate(WELLS) for site in range(SITES)
    }
    mean = sum(resized(one.astype(np.float64), (HEIGHT / 4, WIDTH / 4)) for one in images.values()) / len(images)
    smooth = filters.median(mean.astype(np.uint16), morphology.disk(24))
    smooth = resized(smooth.astype(np.float64), (HEIGHT, WIDTH))
    low = scipy.stats.scoreatpercentile(smooth, 2)
    light = np.maximum(smooth, low) / low
    histogram = np.bincount(np.concatenate([one.ravel() for one in images.values()]), minlength=65536)
    top = int(np.argmax(np.cumsum(histogram / histogram.sum()) > 0.9999))
    for name, tape in tapes.items():
        halved = resized(images[name] / light, (int(0.5 * HEIGHT), int(0.5 * WIDTH)))
        bottom, high = scipy.stats.scoreatpercentile(halved, (0.05, 99.95))
        clipped = halved.clip(bottom, min(high, top))
        tape.append(img_as_ubyte(exposure.rescale_intensity(clipped, out_range=(0, 1))))
hexadecimal = {name: np.hstack(tape).tobytes().hex() for name, tape in tapes.items()}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(hexadecimal, indent=0) + "\n")
