"""Makes stack/: small stacks as tifffile writes them, one 16-bit page of 20 x 33 for each of three channels.

Written with tifffile 2026.3.3 (imagecodecs 2026.3.6 for LZW); the pixels follow a formula that the Rust test knows.
"""
import pathlib

import numpy as np
import tifffile

here = pathlib.Path(__file__).with_suffix("")
here.mkdir(exist_ok=True)
p, r, c = np.mgrid[:3, :20, :33]
grey = ((r * 977 + c * 131 + p * 15_013) % 65_536).astype(np.uint16)


def write(name, **options):
    ome = ".ome." in name
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "ER", "Mito"]}} if ome else None
    tifffile.imwrite(here / name, grey, photometric="minisblack", ome=ome, metadata=metadata, **options)


write("raw.tif")
write("big_endian.tif", byteorder=">")
write("lzw.ome.tif", compression="lzw")
write("deflate.ome.tif", compression="zlib", rowsperstrip=7)
write("deflate_predictor.tif", compression="zlib", predictor=True)
write("tiles_lzw_big_endian.ome.tif", tile=(16, 16), compression="lzw", byteorder=">")
write("big.ome.tif", bigtiff=True)
print("tifffile", tifffile.__version__, "numpy", np.__version__, sorted(p.name for p in here.iterdir()))
