"""Tiles of one slide by the libraries that others build their servers on, behind the smallest server there can be.

    MARROWSCOPE_BENCH_SLIDE=slide.svs python -m uvicorn rivals:app --workers 2

    GET /info                                what there is, as JSON
    GET /openslide/{level}/{x}_{y}.jpeg      openslide-python, DeepZoomGenerator
    GET /li-openslide/{level}/{x}_{y}.jpeg   large_image on OpenSlide
    GET /li-tiff/{level}/{x}_{y}.jpeg        large_image on libtiff: passes stored JPEG bytes through, as we do

A plain ASGI application, no framework; every tile is made on a thread of the loop's own pool. All else is as the
libraries have it: their caches, their locks, their JPEG quality (DeepZoom has none: 75, as in openslide-python's own
examples). DeepZoom's tiles get the size of the slide's own, without overlap, so that each asks for the same pixels.
"""

import asyncio
import importlib.metadata
import io
import json
import os

SLIDE = os.environ["MARROWSCOPE_BENCH_SLIDE"]


def deep_zoom():
    import openslide
    from openslide.deepzoom import DeepZoomGenerator

    slide = openslide.OpenSlide(SLIDE)
    tile_px = int(slide.properties["openslide.level[0].tile-width"])
    generator = DeepZoomGenerator(slide, tile_size=tile_px, overlap=0, limit_bounds=False)

    def tile(level, x, y):
        jpeg = io.BytesIO()
        generator.get_tile(level, (x, y)).save(jpeg, "jpeg", quality=75)
        return jpeg.getvalue()

    name = f"openslide-python {openslide.__version__} DeepZoom (OpenSlide {openslide.__library_version__})"
    return tile, {"name": name, "level": generator.level_count - 1, "tile_px": tile_px}


def large_image(source, name):
    # Correcting colours by the file's ICC profile, its default, would have every tile decoded; we do not do it either.
    slide = source(SLIDE, style={"icc": False})
    metadata = slide.getMetadata()

    def tile(level, x, y):
        # An ImageBytes is bytes with a media type.
        return bytes(slide.getTile(x, y, level))

    version = importlib.metadata.version("large-image")
    about = {"name": f"large_image {version} {name}", "level": metadata["levels"] - 1, "tile_px": metadata["tileWidth"]}
    return tile, about


def large_image_openslide():
    from large_image_source_openslide import OpenslideFileTileSource

    return large_image(OpenslideFileTileSource, "openslide")


def large_image_tiff():
    from large_image_source_tiff import TiffFileTileSource

    tile, about = large_image(TiffFileTileSource, "tiff")
    # It does so only where the file states its JPEG tables once, and must not be called slow where it could not.
    passes = stored_end() in tile(about["level"], 0, 0)
    about["name"] += ", passing bytes through" if passes else ", encoding anew"
    return tile, about


def stored_end():
    """The last bytes of the first tile's picture, as they stand in the file."""
    import tifffile

    with tifffile.TiffFile(SLIDE) as file:
        page = file.pages[0]
        file.filehandle.seek(page.dataoffsets[0])
        return file.filehandle.read(page.databytecounts[0])[-66:-2]


TILES, ABOUT, MISSING = {}, {}, {}
for key, open_rival in (
    ("openslide", deep_zoom),
    ("li-openslide", large_image_openslide),
    ("li-tiff", large_image_tiff),
):
    try:
        TILES[key], ABOUT[key] = open_rival()
    except Exception as error:  # One that is not there, or does not read this slide, is no reason to lose the others.
        MISSING[key] = f"{type(error).__name__}: {error}"


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    parts = scope["path"].strip("/").split("/")
    status, media_type = 200, b"image/jpeg"
    try:
        if parts == ["info"]:
            body, media_type = json.dumps({"rivals": ABOUT, "missing": MISSING}).encode(), b"application/json"
        else:
            key, level, name = parts
            x, y = name.removesuffix(".jpeg").split("_")
            loop = asyncio.get_running_loop()
            body = await loop.run_in_executor(None, TILES[key], int(level), int(x), int(y))
    except (KeyError, ValueError) as error:
        status, media_type, body = 404, b"text/plain", str(error).encode()
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
