// Image and heatmap lie where they belong: a known mark and a known tile are found on the screen, at the pixel that the
// camera says, however the slide is zoomed, turned and mirrored, on coarse and fine screens, near the origin and far away.

import { execFileSync } from 'node:child_process';
import { golden, server } from '../support/environment';
import { SlidePage } from '../support/slide-page';
import { expect, test } from '../support/test';

interface Golden { marks: [number, number][]; mark_px: number }
interface Grid { origin_x: number; origin_y: number; step_x: number; step_y: number; size_x: number; size_y: number; columns: number; present: number[] }

const ZOOMS = [0.25, 0.5, 1, 2];
const TURNS = [0, 33];
/** What may be between expected and found, px of the page. */
const TOLERANCE = 0.5;

let code = '';

test.beforeAll(async ({ playwright }) => {
  test.setTimeout(300_000);
  // The second time, in another project, it is known already.
  const said = execFileSync(server, ['import', golden.file, '--data-dir', process.env.MARROWSCOPE_DATA ?? ''], { encoding: 'utf8' });
  code = /This is slide (\S+):/.exec(said)?.[1] ?? '';
  const request = await playwright.request.newContext({ baseURL: process.env.MARROWSCOPE_URL });
  await expect(async () => {
    const detail = await (await request.get(`/api/v1/slides/${code}`)).json();
    expect(detail.models.length).toBeGreaterThan(0);
  }).toPass({ timeout: 240_000 });
  await request.dispose();
});

/** The middle of all pixels of a picture whose colour is wanted, px of the page from the left top of the picture. */
async function middleOf(slide: SlidePage, kind: 'mark' | 'cell', scale: number): Promise<[number, number, number]> {
  const picture = (await slide.canvas.screenshot({ scale: 'device' })).toString('base64');
  return slide.page.evaluate(
    async ({ picture, kind, scale }) => {
      const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      if (!context) throw new Error('no canvas');
      context.drawImage(bitmap, 0, 0);
      const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      let [sum, sumX, sumY] = [0, 0, 0];
      for (let i = 0; i < data.length; i += 4) {
        const [red, green, blue] = [data[i], data[i + 1], data[i + 2]];
        // The highest colour of the map Meadow is a yellow that no tissue has.
        const wanted = kind === 'mark' ? blue - Math.max(red, green) > 130 : Math.min(red, green) - blue > 120;
        if (!wanted) continue;
        sum += 1;
        sumX += ((i / 4) % bitmap.width) + 0.5;
        sumY += Math.floor(i / 4 / bitmap.width) + 0.5;
      }
      return [sumX / sum / scale, sumY / sum / scale, sum / scale / scale] as [number, number, number];
    },
    { picture, kind, scale },
  );
}

for (const scale of [1, 2]) {
  for (const [where, index] of [['near the origin', 0], ['at 200,000 px', 1]] as const) {
    test(`mark and tile are where they belong, ${where}, ${scale} device px per px`, async ({ browser, request, baseURL }) => {
      test.setTimeout(480_000);
      const { marks, mark_px: markPx }: Golden = golden.places;
      const [markX, markY] = marks[index];
      const detail = await (await request.get(`/api/v1/slides/${code}`)).json();
      const grid: Grid = detail.spots[0].grid;
      const model = detail.models[0];
      const target = model.targets[0].key;

      // The tile that holds the mark, and its attention: only tiles with just this value are drawn.
      const column = Math.floor((markX - grid.origin_x) / grid.step_x);
      const row = Math.floor((markY - grid.origin_y) / grid.step_y);
      const tile = grid.present.indexOf(row * grid.columns + column);
      expect(tile).toBeGreaterThanOrEqual(0);
      const bytes = await (await request.get(`/slides/${code}/terms/${model.terms_version}/${model.key}/${target}/0`)).body();
      const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      const tiles = grid.present.length;
      const attention = new Array<number>(tiles).fill(0);
      for (let k = 0; k < model.entitled_models; k++) {
        const e = Array.from({ length: tiles }, (_, i) => numbers[2 * (k * tiles + i)]);
        const largest = Math.max(...e);
        const sum = e.reduce((total, value) => total + Math.exp(value - largest), 0);
        e.forEach((value, i) => (attention[i] += Math.exp(value - largest) / sum / model.entitled_models));
      }
      const value = attention[tile];
      const slack = value * 1e-6;
      expect(attention.filter((other) => Math.abs(other - value) <= slack)).toHaveLength(1);
      const only = `only:${value - slack}:${value + slack},range:${value * 0.5}:${value * 0.9}`;
      const cell = [grid.origin_x + (column + 0.5) * grid.step_x, grid.origin_y + (row + 0.5) * grid.step_y];

      const context = await browser.newContext({ baseURL, deviceScaleFactor: scale, viewport: { width: 1300, height: 1000 }, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const slide = new SlidePage(page);
      for (const zoom of ZOOMS) {
        for (const turn of TURNS) {
          for (const flip of [false, true]) {
            // The whole tile in view, but not in the middle: there a wrong turn would not show.
            const [atX, atY] = [cell[0] + 60 / zoom + 0.37, cell[1] - 40 / zoom + 0.21];
            const view = `at=${atX},${atY}&zoom=${zoom}&turn=${turn}${flip ? '&flip' : ''}`;
            const says = `zoom ${zoom}, turn ${turn}, flip ${flip}`;
            const expected = async (x: number, y: number): Promise<[number, number]> => {
              const box = await slide.canvas.boundingBox();
              if (!box) throw new Error('no canvas');
              const [dx, dy] = [(x - atX) * (flip ? -1 : 1) * zoom, (y - atY) * zoom];
              const angle = (turn * Math.PI) / 180;
              // The picture of the canvas begins with the whole pixel in which the canvas begins.
              const [left, top] = [box.x - Math.floor(box.x), box.y - Math.floor(box.y)];
              return [
                left + box.width / 2 + dx * Math.cos(angle) - dy * Math.sin(angle),
                top + box.height / 2 + dx * Math.sin(angle) + dy * Math.cos(angle),
              ];
            };
            await page.goto(`/slides/${code}?${view}&layer=${model.key},${target},attention,meadow,100,${only}&overlay=off`);
            await slide.view();
            const mark = await middleOf(slide, 'mark', scale);
            const markAt = await expected(markX, markY);
            expect(Math.hypot(mark[0] - markAt[0], mark[1] - markAt[1]), `mark, ${says}: ${mark} for ${markAt}`).toBeLessThanOrEqual(TOLERANCE);
            expect(Math.sqrt(mark[2]) / (markPx * zoom), `size of the mark, ${says}`).toBeGreaterThan(0.8);
            expect(Math.sqrt(mark[2]) / (markPx * zoom), `size of the mark, ${says}`).toBeLessThan(1.2);

            // By its button: with the keyboard, a cross would mark the middle that is read.
            await page.getByTestId('viewer-heatmap').click();
            await expect(page.getByTestId('legend')).toBeVisible();
            await slide.view();
            await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
            const found = await middleOf(slide, 'cell', scale);
            const cellAt = await expected(cell[0], cell[1]);
            expect(Math.hypot(found[0] - cellAt[0], found[1] - cellAt[1]), `tile, ${says}: ${found} for ${cellAt}`).toBeLessThanOrEqual(TOLERANCE);
            expect(Math.sqrt(found[2]) / (grid.size_x * zoom), `size of the tile, ${says}`).toBeCloseTo(1, 1);
          }
        }
      }
      await context.close();
    });
  }
}
