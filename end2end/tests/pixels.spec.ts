import { readFileSync } from 'node:fs';
import { expect, test } from '../support/test';

interface Tile { column: number; row: number; pixels: [number, number, number, number, number][] }

const openslide: { level: number; tiles: Tile[] } = JSON.parse(
  readFileSync(new URL('../../crates/slide/fixtures/openslide_cmu_small_region.json', import.meta.url), 'utf8'),
);

test('Chromium draws the stored tiles of the sample slide as OpenSlide reads them', async ({ page, request }) => {
  await page.goto('/status');
  const { summary } = await (await request.get('/api/v1/slides/SKIN-1')).json();
  expect(openslide.tiles.length).toBeGreaterThan(3);
  for (const tile of openslide.tiles) {
    const address = `/slides/SKIN-1/${summary.version}/tiles/${openslide.level}/${tile.column}/${tile.row}`;
    // Through a texture, as the viewer does it.
    const drawn = await page.evaluate(
      async ({ address, places }) => {
        const blob = await (await fetch(address)).blob();
        const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
        const gl = document.createElement('canvas').getContext('webgl2');
        if (!gl) throw new Error('no WebGL2');
        const texture = gl.createTexture();
        gl.bindTexture(gl.TEXTURE_2D, texture);
        gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
        gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
        gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
        return places.map(([x, y]) => {
          const pixel = new Uint8Array(4);
          gl.readPixels(x, y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
          return [...pixel.slice(0, 3)];
        });
      },
      { address, places: tile.pixels.map(([x, y]) => [x, y]) },
    );
    for (const [index, [x, y, ...rgb]] of tile.pixels.entries()) {
      for (const channel of [0, 1, 2]) {
        const difference = Math.abs(drawn[index][channel] - rgb[channel]);
        expect(difference, `tile ${tile.column},${tile.row} pixel ${x},${y}: ${drawn[index]} for ${rgb}`).toBeLessThanOrEqual(2);
      }
    }
  }
});
