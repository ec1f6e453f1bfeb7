"""Makes tiff/: small images as tifffile writes them, 30 x (3 * 46) grey levels except where the name says otherwise.

Written with tifffile 2026.3.3 (imagecodecs for LZW); the pixels follow a formula that the Rust test knows.
"""
import pathlib

import numpy as np
import tifffile

here = pathlib.Path(__file__).with_suffix("")
here.mkdir(exist_ok=True)
r, c = np.mgrid[:30, : 3 * 46]
grey = ((r * r + 3 * c + r * c // 7) % 251).astype(np.uint8)


def write(name, pixels=grey, **options):
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(here / name, pixels, **options)


write("raw.tif")
write("strips.tif", rowsperstrip=7)
write("big_endian.tif", byteorder=">")
write("big.tif", bigtiff=True)
write("deflate.tif", compression="zlib", rowsperstrip=11)
write("lzw.tif", compression="lzw")
write("lzw_predictor.tif", compression="lzw", predictor=True)
write("tiles.tif", tile=(16, 32))
write("tiles_deflate.tif", tile=(16, 32), compression="zlib")
write("raw.ome.tiff", ome=True, metadata={"axes": "YX", "PhysicalSizeX": 0.29, "PhysicalSizeXUnit": "µm"})
write("lzw.ome.tiff", ome=True, compression="lzw", metadata={"axes": "YX"})
# refused
write("bits16.tif", grey.astype(np.uint16) * 257)
write("rgb.tif", np.stack([grey] * 3, -1), photometric="rgb")
write("pages.ome.tiff", grey.reshape(30, 3, 46).transpose(1, 0, 2).copy(), ome=True, metadata={"axes": "CYX"})
write("float.tif", grey.astype(np.float32))
write("signed.tif", (grey // 2).astype(np.int8))
print("tifffile", tifffile.__version__, "numpy", np.__version__, sorted(p.name for p in here.iterdir()))
