"""Writes the slides that the benches need and nobody ships, from the pixels of the sample slide.

    python slides.py jpeg2000 cmu_small_region.svs OUT    8,192 px square, Aperio's JPEG 2000, tiles of 256 px, all levels
    python slides.py flat cmu_small_region.svs OUT        8,192 px square, JPEG, tiles of 512 px, level 0 alone
    python slides.py two_levels cmu_small_region.svs OUT  16,384 px square, JPEG, tiles of 512 px, two levels
    python slides.py picture cmu_small_region.svs OUT     4,096 px square, a JPEG image

The sample's upper left 2,048 px square and its mirror images repeat in all directions, so that no seam is seen and few
tiles need to be encoded; every tile is read and decoded all the same. JPEG tables stand once per level, as scanners write
them: large_image's tiff source passes tiles through only then.
"""

import os
import sys

import imagecodecs
import numpy as np
import openslide
import tifffile

MPP = 0.499
PERIOD_PX = 4096

KINDS = {
    "jpeg2000": {"side": 8_192, "tile": 256, "compression": 33005, "levels": 16},
    "flat": {"side": 8_192, "tile": 512, "compression": "jpeg", "levels": 1},
    # The coarser level is the largest below which the server still draws the levels that lack.
    "two_levels": {"side": 16_384, "tile": 512, "compression": "jpeg", "levels": 2},
}


def base(sample):
    """[4096, 4096, 3]: the sample and its mirror images."""
    slide = openslide.OpenSlide(sample)
    square = np.asarray(slide.read_region((0, 0), 0, (PERIOD_PX // 2, PERIOD_PX // 2)).convert("RGB"))
    row = np.concatenate([square, square[:, ::-1]], axis=1)
    return np.concatenate([row, row[::-1]], axis=0)


def halved(pixels):
    wide = pixels.astype(np.uint16)
    four = wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]
    return ((four + 2) // 4).astype(np.uint8)


def without_tables(jpeg):
    """A JPEG as (tables, abbreviated stream)."""
    tables, stream, at = b"", jpeg[:2], 2
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        segment = jpeg[at : at + 2 + length]
        if marker == 0xDA:
            return b"\xff\xd8" + tables + b"\xff\xd9", stream + jpeg[at:]
        if marker in (0xDB, 0xC4):
            tables += segment
        elif marker != 0xE0:
            stream += segment
        at += len(segment)


def encode(tile, compression):
    """(tables, stream) of a tile; no tables in JPEG 2000."""
    if compression != "jpeg":
        return None, imagecodecs.jpeg2k_encode(tile, level=40, codecformat="j2k", mct=False)
    return without_tables(
        imagecodecs.jpeg8_encode(tile, level=85, colorspace="rgb", outcolorspace="ycbcr", subsampling="420")
    )


def tiles(pixels, side, tile_px, compression):
    """The encoded tiles of a level, in the file's order."""
    encoded = {}
    period = pixels.shape[0]
    for top in range(0, side, tile_px):
        for left in range(0, side, tile_px):
            place = (top % period, left % period)
            if place not in encoded:
                rows = (place[0] + np.arange(tile_px)) % period
                columns = (place[1] + np.arange(tile_px)) % period
                encoded[place] = encode(np.ascontiguousarray(pixels[rows][:, columns]), compression)[1]
            yield encoded[place]


def main():
    kind, sample, out = sys.argv[1:]
    pixels = base(sample)
    if kind == "picture":
        with open(out, "wb") as file:
            file.write(imagecodecs.jpeg8_encode(pixels, level=85))
        return
    chosen = KINDS[kind]
    tile_px, side, compression = chosen["tile"], chosen["side"], chosen["compression"]
    description = None
    if compression != "jpeg":
        description = f"Aperio Image Library v12.0.15\r\n{side}x{side} ({tile_px}x{tile_px}) J2K/KDU Q=40|AppMag = 20|MPP = {MPP}"
    part = f"{out}.part"
    # The same for all tiles: they depend on the quality alone.
    tables, _ = encode(np.zeros((tile_px, tile_px, 3), np.uint8), compression)
    with tifffile.TiffWriter(part, bigtiff=True) as file:
        for level in range(chosen["levels"]):
            file.write(
                tiles(pixels, side, tile_px, compression),
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(tile_px, tile_px),
                photometric="rgb",
                compression=compression,
                jpegtables=tables,
                compressionargs={"subsampling": (2, 2)} if compression == "jpeg" else None,
                subfiletype=1 if level else 0,
                description=description,
                metadata=None,
                resolution=(1e4 / MPP / 2**level,) * 2,
                resolutionunit="CENTIMETER",
            )
            if side <= tile_px:
                break
            pixels, side = halved(pixels), -(-side // 2)
    os.rename(part, out)


if __name__ == "__main__":
    main()
