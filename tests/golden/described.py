"""Makes described/: small TIFF files whose pages are not simply the channels, by what the file says of them.

Written with tifffile 2026.3.3 and imagecodecs; plane p is 100 p + 10 row + column of 8 x 10, 8 bits unless the name says 16.
"""
import pathlib
import struct

import numpy as np
import tifffile

here = pathlib.Path(__file__).with_suffix("")
here.mkdir(exist_ok=True)
r, c = np.mgrid[:8, :10]


def planes(*shape):
    count = int(np.prod(shape))
    return np.stack([(100 * p + 10 * r + c) % 251 for p in range(count)]).astype(np.uint8).reshape(*shape, 8, 10)


def ome(name, axes, *shape, **options):
    tifffile.imwrite(here / name, planes(*shape), ome=True, photometric="minisblack", metadata={"axes": axes}, **options)


ome("cz.ome.tif", "CZYX", 3, 2)  # channels vary slowly: pages 1, 3, 5
ome("zc.ome.tif", "ZCYX", 2, 3)  # channels vary fast: pages 1, 2, 3
ome("z.ome.tif", "ZYX", 3)
ome("t.ome.tif", "TYX", 3)
tifffile.imwrite(here / "hyperstack.tif", planes(2, 3), imagej=True, metadata={"axes": "ZCYX"})
tifffile.imwrite(here / "plain.tif", planes(3), photometric="minisblack", metadata=None)

# ImageJ above 4 GB: one directory, the other planes behind the first
tifffile.imwrite(here / "one_directory.tif", planes(3), imagej=True, metadata={"axes": "ZYX"})
b = bytearray((here / "one_directory.tif").read_bytes())
e = "<" if b[:2] == b"II" else ">"
at = struct.unpack(e + "I", b[4:8])[0]
struct.pack_into(e + "I", b, at + 2 + 12 * struct.unpack(e + "H", b[at : at + 2])[0], 0)
(here / "one_directory.tif").write_bytes(b)
tifffile.imwrite(here / "truncated.tif", planes(3), photometric="minisblack", truncate=True)

# reduced copies as pages, as writers of pyramids leave them
with tifffile.TiffWriter(here / "levels.tif") as f:
    for p in planes(3):
        f.write(p, photometric="minisblack", metadata=None)
    f.write(np.zeros((4, 5, 3), np.uint8), photometric="rgb", subfiletype=1, metadata=None)
    for p in planes(3):
        f.write(p[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)

tifffile.imwrite(here / "zstd.tif", planes(1)[0], photometric="minisblack", compression="zstd", metadata=None)
tifffile.imwrite(
    here / "zstd_16.tif", planes(1)[0].astype(np.uint16) * 257, photometric="minisblack", compression="zstd", predictor=2, metadata=None
)
grey = np.stack([np.arange(256, dtype=np.uint16)[::-1] * 257] * 3)  # an inverted table
tifffile.imwrite(here / "palette.tif", planes(1)[0], photometric="palette", colormap=grey, metadata=None)
grey[1:] = 0
tifffile.imwrite(here / "colours.tif", planes(1)[0], photometric="palette", colormap=grey, metadata=None)
tifffile.imwrite(here / "half.tif", planes(1)[0].astype(np.float16), photometric="minisblack", metadata=None)
tifffile.imwrite(
    here / "apart.tif", planes(3), photometric="minisblack", planarconfig="separate", metadata=None
)
tifffile.imwrite(
    here / "together.tif", planes(3).transpose(1, 2, 0).copy(), photometric="minisblack", planarconfig="contig", metadata=None
)
print("tifffile", tifffile.__version__, "numpy", np.__version__, sorted(p.name for p in here.iterdir()))
