"""OpenSlide's speed on tiles that have to be decoded, each read once, in one process.

    python decode_openslide.py SLIDE LEVEL TILE_PX < places.json

LEVEL is one that the file stores, or one below them, which is then drawn from the smallest stored level that is finer, as
viewers do; `places.json` lists columns and rows. Prints one JSON line with two speeds: `openslide_read_region` alone,
called in C without Pillow's conversion, and the whole way to a JPEG of the quality that Marrowscope serves (90, colours at
full resolution), by Pillow.
"""

import ctypes
import io
import json
import sys
import time

import openslide
from openslide import lowlevel


def main():
    path, level, tile_px = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    places = json.load(sys.stdin)

    def geometry(slide):
        """The stored level to read, how much finer it is, and by how much it is reduced."""
        downsample = 2**level
        stored = slide.get_best_level_for_downsample(downsample + 0.5)
        return stored, round(downsample / slide.level_downsamples[stored])

    def in_c():
        # A slide of its own each time: nothing is left in OpenSlide's cache.
        with openslide.OpenSlide(path) as slide:
            stored, reduction = geometry(slide)
            side = tile_px * reduction
            buffer = (ctypes.c_uint32 * (side * side))()
            read, handle = lowlevel._read_region, slide._osr
            started = time.perf_counter()
            for column, row in places:
                at = tile_px * 2**level
                read(handle, buffer, column * at, row * at, stored, side, side)
            return time.perf_counter() - started

    def to_jpeg():
        with openslide.OpenSlide(path) as slide:
            stored, reduction = geometry(slide)
            side = tile_px * reduction
            started = time.perf_counter()
            for column, row in places:
                at = tile_px * 2**level
                image = slide.read_region((column * at, row * at), stored, (side, side)).convert("RGB")
                if reduction > 1:
                    image = image.reduce(reduction)
                image.save(io.BytesIO(), "jpeg", quality=90, subsampling=0)
            return time.perf_counter() - started

    print(
        json.dumps(
            {
                "engine": f"OpenSlide {openslide.__library_version__}",
                "read_tiles_per_s": len(places) / in_c(),
                "jpeg_tiles_per_s": len(places) / to_jpeg(),
            }
        )
    )


if __name__ == "__main__":
    main()
