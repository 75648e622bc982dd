// What is measured, seen and kept with the tools of the viewer.

import { readFile } from 'node:fs/promises';

import { Picture } from '../support/picture';
import { slideAt, SlidePage } from '../support/slide-page';
import { expect, expectAccessible, test } from '../support/test';

test('a ruler measures the slide however it lies', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  await page.getByTestId('viewer-ruler').click();
  const box = await slide.canvas.boundingBox();
  if (!box) throw new Error('no canvas');
  const [left, top] = [Math.round(box.x) + 150, Math.round(box.y) + 200];
  await page.mouse.move(left, top);
  await page.mouse.down();
  await page.mouse.move(left + 100, top + 50);
  await page.mouse.move(left + 300, top + 160);
  await page.mouse.up();
  const label = page.getByTestId('ruler-label');
  // 340 px of the screen are 680 px of the slide, each of 0.5 µm.
  await expect(label).toHaveText('340 µm');
  const text = '340 µm';
  await page.getByTestId('viewer-turn').click();
  await page.getByTestId('turn-degrees').fill('37');
  await page.getByTestId('turn-degrees').press('Enter');
  await expect(page.getByTestId('orientation')).toHaveText('turned 37°');
  await page.getByTestId('viewer-flip').click();
  await expect(page.getByTestId('orientation')).toContainText('mirrored');
  await expect(label).toHaveText(text);
  await page.getByTestId('viewer-rulers-remove').click();
  await expect(label).toHaveCount(0);
});

test('a ruler is finished by whoever rests before letting go, too, and the next one is another', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  await page.getByTestId('viewer-ruler').click();
  await slide.drag([{ right: 50, millis: 20 }, { right: 200, millis: 40 }], 400);
  const labels = page.getByTestId('ruler-label');
  await expect(labels).toHaveText(['200 µm']);
  await slide.drag([{ right: -50, millis: 20 }, { right: -100, millis: 40 }], 400);
  await expect(labels).toHaveText(['200 µm', '100 µm']);
});

test('a ruler begins where it was begun on the slide, though the view is zoomed and moved meanwhile', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  const before = await slide.view();
  await page.getByTestId('viewer-ruler').click();
  const box = await slide.box();
  const [middle, height] = [box.x + Math.round(box.width / 2), box.y + Math.round(box.height / 2)];
  const at = (view: typeof before, x: number, y: number) => slideAt(view, x - box.x - box.width / 2, y - box.y - box.height / 2);
  const from = at(before, middle - 100, height);
  await page.mouse.move(middle - 100, height);
  await page.mouse.down();
  await page.mouse.move(middle + 60, height + 20);
  const label = page.getByTestId('ruler-label');
  const length = async () => Number.parseFloat((await label.textContent()) ?? '');
  const drawn = await length();
  // About the hand: nothing that was measured changes.
  await page.mouse.wheel(0, -200);
  const zoomed = await slide.view();
  expect(zoomed.zoom).toBeGreaterThan(1.2 * before.zoom);
  expect(Math.abs((await length()) - drawn)).toBeLessThan(2);
  // Pushed along under a hand that rests: the beginning stays on its tissue, the end under the hand.
  await page.mouse.wheel(120, 0);
  await expect.poll(async () => (await slide.view()).x).toBeGreaterThan(zoomed.x + 100);
  const pushed = await slide.view();
  /** How far it is on the slide from its beginning to a point there, µm: a pixel of the slide is 0.5 µm. */
  const away = ([x, y]: [number, number]) => Math.hypot(x - from[0], y - from[1]) / 2;
  expect(away(at(pushed, middle + 60, height + 20))).toBeGreaterThan(drawn + 30);
  expect(Math.abs((await length()) - away(at(pushed, middle + 60, height + 20)))).toBeLessThan(2);
  // Held straight: level with where its beginning is seen now.
  await page.keyboard.down('Shift');
  await page.mouse.move(middle + 80, height + 30);
  const straight = at(pushed, middle + 80, height)[0] - from[0];
  expect(Math.abs((await length()) - straight / 2)).toBeLessThan(2);
  await page.mouse.up();
  await page.keyboard.up('Shift');
});

test('on a narrow screen scale bar and magnification stand in one line, clear of the overview', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const slide = new SlidePage(page);
  for (const zoom of [0.13, 0.3, 1, 4]) {
    await slide.open('PH-0001', `at=1000,1200&zoom=${zoom}`);
    const [bar, text, power, overview] = await Promise.all(
      ['scale-bar', 'scale-bar-text', 'magnification', 'minimap'].map((id) => page.getByTestId(id).boundingBox()),
    );
    if (!bar || !text || !power || !overview) throw new Error('not all is there');
    expect(Math.abs(text.y - power.y), `zoom ${zoom}`).toBeLessThan(1);
    expect(bar.height, `zoom ${zoom}`).toBeLessThan(2 * text.height);
    expect(bar.x + bar.width, `zoom ${zoom}`).toBeLessThan(overview.x);
  }
});

test('the overview says where the view is and takes it elsewhere', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=1');
  const before = await slide.view();
  const area = page.getByTestId('minimap-area');
  const field = page.getByTestId('minimap-field');
  const outline = await field.getAttribute('d');
  await area.click({ position: { x: 20, y: 30 } });
  await expect(field).not.toHaveAttribute('d', outline ?? '');
  await slide.settled();
  const moved = await slide.view();
  expect(moved.x).toBeLessThan(before.x);
  expect(moved.zoom).toBe(before.zoom);
  await area.press('ArrowRight');
  await slide.settled();
  expect((await slide.view()).x).toBeGreaterThan(moved.x);
  await page.getByTestId('minimap-fold').click();
  await expect(area).toBeHidden();
});

test('stains are estimated, shown as numbers and seen alone', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await page.getByTestId('viewer-image').click();
  await expect(page.getByTestId('stain-note')).toContainText('stained pixels');
  const red = async (row: string): Promise<number> =>
    Number(await page.getByTestId(row).locator('td').first().textContent());
  // As the phantoms are drawn.
  expect(Math.abs((await red('vector-haematoxylin')) - 0.6)).toBeLessThan(0.1);
  expect(Math.abs((await red('vector-eosin')) - 0.18)).toBeLessThan(0.1);
  await slide.choose('stain-source', 'qupath');
  await expect(page.getByTestId('vector-eosin')).toContainText('0.216');
  await slide.choose('stain-channel', 'eosin');
  await expect(page.getByTestId('image-note')).toHaveText('eosin only');
  await expect(page).toHaveURL(/stain=eosin,qupath/);
  await expectAccessible(page);
});

test('the scale bar is as long as it says at every zoom, however the slide is turned', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  const lengths = new Set<string>();
  for (const key of ['0', '+', 'r', '+', '+', '+', 'f', '+', '7', '+']) {
    const { zoom } = await slide.press(key);
    const text = (await page.getByTestId('scale-bar-text').textContent()) ?? '';
    const [, length, unit] = /^([\d.]+) (µm|mm)$/.exec(text) ?? [];
    const um = Number(length) * (unit === 'mm' ? 1000 : 1);
    const line = await page.getByTestId('scale-bar-line').boundingBox();
    // 0.5 µm per slide px.
    expect(Math.abs((line?.width ?? 0) - (um / 0.5) * zoom), text).toBeLessThan(1);
    lengths.add(text);
  }
  expect(lengths.size).toBeGreaterThan(3);
});

test('the picture lies on whole pixels of the screen also after something has come above it', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, deviceScaleFactor: 1.25 });
  const page = await context.newPage();
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  /** How far the canvas begins beside a pixel, px of the screen. */
  const beside = () => slide.canvas.evaluate((canvas) => {
    const { left, top } = canvas.getBoundingClientRect();
    return Math.max(...[left, top].map((at) => Math.abs(at * devicePixelRatio - Math.round(at * devicePixelRatio))));
  });
  await expect.poll(beside).toBeLessThan(0.05);
  const top = (await slide.box()).y;
  for (const height of [13.3, 20.1, 0]) {
    await page.evaluate((height) => {
      let banner = document.querySelector<HTMLElement>('#banner-of-test');
      banner ??= document.body.insertBefore(Object.assign(document.createElement('div'), { id: 'banner-of-test' }), document.body.firstChild);
      banner.style.height = `${height}px`;
      banner.style.flex = 'none';
    }, height);
    await expect.poll(async () => Math.abs((await slide.box()).y - top - height)).toBeLessThan(1);
    await expect.poll(beside).toBeLessThan(0.05);
  }
  await context.close();
});

test('the position under the cursor is told in px and µm', async ({ page }) => {
  const slide = new SlidePage(page);
  for (const turned of ['', '&turn=70', '&turn=200&flip']) {
    await slide.open('PH-0001', `at=1000,1200&zoom=0.5${turned}`);
    const [view, box] = [await slide.view(), await slide.box()];
    const [right, down] = [-100, 60];
    await page.mouse.move(Math.round(box.x + box.width / 2 + right), Math.round(box.y + box.height / 2 + down));
    const [x, y] = slideAt(view, right, down);
    const told = async (unit: 'px' | 'um'): Promise<number[]> =>
      [...((await page.getByTestId(`position-${unit}`).textContent()) ?? '').matchAll(/[\d,.]*\d/g)].map(([number]) => Number(number.replace(/,/g, '')));
    await expect.poll(async () => (await told('px')).length).toBe(2);
    const [px, um] = [await told('px'), await told('um')];
    expect(Math.hypot(px[0] - x, px[1] - y), turned).toBeLessThan(4);
    expect(Math.hypot(um[0] - px[0] * 0.5, um[1] - px[1] * 0.5), turned).toBeLessThan(1);
  }
  // Where nobody points, the middle is told.
  await expect(page.getByTestId('position-label')).toHaveText('Position');
  await page.mouse.move(2, 2);
  await expect(page.getByTestId('position-label')).toHaveText('Centre');
  await expect(page.getByTestId('position-px')).toHaveText('x 1,000, y 1,200 px');
  await expect(page.getByTestId('position-um')).toHaveText('x 500.0, y 600.0 µm');
});

test('the overview shows the heatmap of the chosen layer when it is asked to', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  const button = page.getByTestId('minimap-heatmap');
  await expect(button).toBeHidden();
  await slide.toggle.check();
  await expect(page.getByTestId('legend')).toBeVisible();
  await expect(button).toHaveAttribute('aria-pressed', 'false');
  /** How much of the overview is coloured, and by what on average. */
  const cells = (): Promise<number[]> => page.getByTestId('minimap-area').locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')!;
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const sums = [0, 0, 0, 0];
    data.forEach((level, i) => (sums[i % 4] += level));
    return sums.map((sum) => Math.round((4 * sum) / data.length));
  });
  expect(await cells()).toEqual([0, 0, 0, 0]);
  await button.click();
  await expect(button).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(async () => (await cells())[3]).toBeGreaterThan(10);
  const before = await cells();
  await slide.choose('layer-quantity', 'attention');
  await expect.poll(async () => Math.max(...(await cells()).map((level, i) => Math.abs(level - before[i])))).toBeGreaterThan(10);
  const half = await cells();
  await page.getByTestId('layer-opacity').fill('20');
  await expect.poll(async () => (await cells())[3] / half[3]).toBeCloseTo(20 / 55, 1);
  await slide.toggle.uncheck();
  await expect.poll(cells).toEqual([0, 0, 0, 0]);
});

test('a picture is kept with what is seen, its scale bar and where it comes from', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=1');
  const saved = async (): Promise<Picture> => {
    const download = page.waitForEvent('download');
    await page.getByTestId('viewer-snapshot').click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/^PH-0001_1000_1200_[\d.]+x\.png$/);
    return Picture.read(await readFile(await file.path()));
  };
  const [width, height] = await slide.canvas.evaluate((canvas: HTMLCanvasElement) => [canvas.width, canvas.height]);
  const free = { x: 200, y: 100, width: 300, height: 200 };
  const bar = Math.round((await page.getByTestId('scale-bar-line').boundingBox())?.width ?? 0);
  /** Lines of text below the picture, none of them empty. */
  const lines = (picture: Picture): number => {
    const count = (picture.height - height - 24) / 17;
    for (let line = 0; line < count; line++) {
      expect(picture.grey({ x: 12, y: height + 12 + 17 * line, width: 60, height: 17 }).spread, `line ${line}`).toBeGreaterThan(20);
    }
    return count;
  };
  const plain = await saved();
  expect(plain.width).toBe(width);
  const shown = (await slide.picture()).colours(free);
  expect(Math.max(...plain.colours(free).map((colour, i) => Math.max(...colour.map((level, channel) => Math.abs(level - shown[i][channel])))))).toBeLessThanOrEqual(2);
  // A black bar on white, as long as the one on the screen, with its length above it.
  const level = (x: number): number => plain.grey({ x, y: height - 23, width: 1, height: 2 }).mean;
  expect([level(22), level(25), level(24 + bar - 2), level(24 + bar + 3)].map((grey) => grey < 60)).toEqual([false, true, true, false]);
  expect(plain.grey({ x: 24, y: height - 43, width: bar, height: 16 }).spread).toBeGreaterThan(20);
  // Slide, place, address: each on one line at least.
  expect(lines(plain)).toBeGreaterThanOrEqual(3);

  await page.getByTestId('viewer-heatmap').click();
  await expect(page.getByTestId('legend')).toBeVisible();
  await slide.view();
  const overlaid = await saved();
  expect(lines(overlaid)).toBeGreaterThan(lines(plain));
  // The colours of the layer from end to end, and its values below them, as the last two lines.
  const end = (x: number): number[] => overlaid.colours({ x, y: overlaid.height - 12 - 28, width: 1, height: 6 })[0];
  const [low, zero, high] = [14, 132, 248].map(end);
  expect(low[2] - low[0], 'blue').toBeGreaterThan(30);
  expect(high[0] - high[2], 'orange').toBeGreaterThan(30);
  expect(Math.max(...zero) - Math.min(...zero), 'grey').toBeLessThan(15);
  for (const x of [12, 128, 212]) {
    expect(overlaid.grey({ x, y: overlaid.height - 12 - 17, width: x === 128 ? 9 : 40, height: 17 }).spread, `value at ${x}`).toBeGreaterThan(20);
  }
  expect(overlaid.grey(free).mean).not.toBeCloseTo(plain.grey(free).mean, 0);
});
