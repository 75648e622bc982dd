// Another viewer opens our slides: OpenSeadragon by DeepZoom.

import { fileURLToPath } from 'node:url';
import { expect, test } from '../support/test';

const openseadragon = fileURLToPath(new URL('../node_modules/openseadragon/build/openseadragon/openseadragon.min.js', import.meta.url));

/** What the tests use of it. */
interface Viewer {
  world: { getItemAt(index: number): { source: { maxLevel: number; width: number; height: number }; getFullyLoaded(): boolean; imageToViewportRectangle(x: number, y: number, w: number, h: number): object } | undefined };
  viewport: { fitBounds(rect: object, immediately: boolean): void };
  addHandler(name: string, handler: () => void): void;
  drawer: { canvas: HTMLCanvasElement };
}
declare const OpenSeadragon: (options: object) => Viewer;
declare global { interface Window { viewer: Viewer; failed: number } }

// Photographed and drawn, with tiles of two sizes.
for (const code of ['SKIN-1', 'PH-0001']) test(`OpenSeadragon shows ${code} from its smallest level to its stored pixels`, async ({ page, request }) => {
  const { summary, pyramid } = await (await request.get(`/api/v1/slides/${code}`)).json();
  const side: number = pyramid.levels[0].tile_width;
  await page.goto('/status');
  await page.addScriptTag({ path: openseadragon });
  await page.evaluate(
    ({ code, side }) => {
      document.body.innerHTML = `<div id="osd" style="width: ${side}px; height: ${side}px"></div>`;
      window.failed = 0;
      window.viewer = OpenSeadragon({
        id: 'osd', tileSources: `/slides/${code}.dzi`, drawer: 'canvas', showNavigationControl: false, immediateRender: true,
        animationTime: 0, blendTime: 0, imageSmoothingEnabled: false,
      });
      window.viewer.addHandler('tile-load-failed', () => (window.failed += 1));
    },
    { code, side },
  );
  const loaded = () => page.evaluate(() => window.viewer.world.getItemAt(0)?.getFullyLoaded() ?? false);
  await expect.poll(loaded).toBe(true);
  const source = await page.evaluate(() => {
    const { maxLevel, width, height } = window.viewer.world.getItemAt(0)!.source;
    return { maxLevel, width, height };
  });
  expect(source).toEqual({ width: summary.width, height: summary.height, maxLevel: Math.ceil(Math.log2(Math.max(summary.width, summary.height))) });

  // One stored tile, pixel by pixel.
  await page.evaluate((side) => {
    const { viewport, world } = window.viewer;
    viewport.fitBounds(world.getItemAt(0)!.imageToViewportRectangle(2 * side, 3 * side, side, side), true);
  }, side);
  const difference = () => page.evaluate(
    async ({ address, side }) => {
      const bitmap = await createImageBitmap(await (await fetch(address)).blob());
      const stored = new OffscreenCanvas(side, side).getContext('2d')!;
      stored.imageSmoothingEnabled = false;
      // OpenSeadragon draws tiles that do not overlap one pixel larger, against seams.
      stored.drawImage(bitmap, 0, 0, side + 1, side + 1);
      const shown = new OffscreenCanvas(side, side).getContext('2d')!;
      shown.drawImage(window.viewer.drawer.canvas, 0, 0, side, side);
      const [a, b] = [stored, shown].map((context) => context.getImageData(0, 0, side, side).data);
      return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
    },
    { address: `/slides/${code}/${summary.version}/tiles/0/2/3`, side },
  );
  // Until the tiles have come, a coarser level stands in for them.
  await expect.poll(difference).toBeLessThan(1);
  expect(await page.evaluate(() => window.failed)).toBe(0);
});
