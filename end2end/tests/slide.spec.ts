import { copyFileSync } from 'node:fs';
import { SlidePage } from '../support/slide-page';
import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../support/test';

interface Readout { offset: number; reference: number; mean: number; sd: number; scale: string }

test('a slide is opened, panned and zoomed', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('SKIN-1');
  await expect(page.getByText('not marrow').first()).toBeVisible();

  await slide.point(0.5, 0.5);
  const middle = await slide.pointedAt();
  await page.mouse.down();
  await slide.point(0.7, 0.4);
  await page.mouse.up();
  await slide.settled();
  await slide.point(0.7, 0.4);
  const carried = await slide.pointedAt();
  // What was under the finger stays under it; a little momentum may follow.
  expect(Math.hypot(carried[0] - middle[0], carried[1] - middle[1])).toBeLessThan(60);

  await page.keyboard.press('0');
  await slide.settled();
  await slide.point(0.5, 0.5);
  const anchor = await slide.pointedAt();
  const before = await slide.canvas.screenshot();
  for (let i = 0; i < 8; i++) await page.mouse.wheel(0, -120);
  await slide.settled();
  expect((await slide.canvas.screenshot()).equals(before)).toBe(false);
  await slide.point(0.5, 0.5);
  const zoomed = await slide.pointedAt();
  expect(Math.hypot(zoomed[0] - anchor[0], zoomed[1] - anchor[1])).toBeLessThan(5);
});

test('the value under the cursor is the stored one, over all fold models for a stranger', async ({ page, request }) => {
  const slide = new SlidePage(page);
  await slide.open('SKIN-1');
  await slide.toggle.check();
  await slide.settled();
  const detail = await (await request.get('/api/v1/slides/SKIN-1')).json();
  const shownModel = await page.getByTestId('layer-model').inputValue();
  const shownTarget = await page.getByTestId('layer-target').inputValue();
  const model = detail.models.find((m: { key: string }) => m.key === shownModel);
  const target = model.targets.find((t: { key: string }) => t.key === shownTarget);
  const tiles: number = detail.spots[0].grid.present.length;
  const bytes = await (await request.get(`/slides/SKIN-1/terms/${model.terms_version}/${model.key}/${target.key}/0`)).body();
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  // A stranger to the training cohort: all five fold models speak.
  expect(model.entitled_models).toBe(5);
  expect(numbers).toHaveLength(5 * tiles * 2);

  await slide.point(0.5, 0.5);
  await expect(slide.value).toBeVisible();
  const tile = Number(await slide.value.getAttribute('data-tile'));
  const mean = { contribution: 0, attention: 0, 'z-score': 0 };
  target.readouts.forEach((readout: Readout, k: number) => {
    const e = Array.from({ length: tiles }, (_, i) => numbers[2 * (k * tiles + i)]);
    const v = numbers[2 * (k * tiles + tile) + 1];
    const largest = Math.max(...e);
    const sum = e.reduce((total, value) => total + Math.exp(value - largest), 0);
    const weight = Math.exp(e[tile] - largest) / sum;
    mean.contribution += (weight * (v - readout.reference)) / 5;
    mean.attention += weight / 5;
    mean['z-score'] += (v - readout.mean) / readout.sd / 5;
  });
  for (const [quantity, expected] of Object.entries(mean)) {
    const shown = Number(await page.getByTestId(`readout-${quantity}`).getAttribute('data-value'));
    expect(Math.abs(shown - expected), quantity).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
  }
});

test('the values under the cursor are the stored ones, of the fold model that never saw the patient', async ({ page, request }) => {
  test.setTimeout(120_000);
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  const before = await slide.canvas.screenshot();
  await slide.toggle.check();
  await slide.choose('layer-target', 'del5q');
  await slide.choose('layer-quantity', 'contribution');
  await slide.settled();
  expect((await slide.canvas.screenshot()).equals(before)).toBe(false);
  await expect(page.getByText('For research and teaching only, not for diagnosis').first()).toBeVisible();

  const detail = await (await request.get('/api/v1/slides/PH-0001')).json();
  const model = detail.models[0];
  await slide.choose('layer-model', model.key);
  const target = model.targets.find((t: { key: string }) => t.key === 'del5q');
  const grid = detail.spots[0].grid;
  const bytes = await (await request.get(`/slides/PH-0001/terms/${model.terms_version}/${model.key}/del5q/0`)).body();
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const tiles = grid.present.length;
  expect(numbers).toHaveLength(model.entitled_models * tiles * 2);
  expect(model.entitled_models).toBe(1);

  const readout: Readout = target.readouts[0];
  const e = Array.from({ length: tiles }, (_, i) => numbers[2 * i]);
  const v = Array.from({ length: tiles }, (_, i) => numbers[2 * i + 1]);
  const largest = Math.max(...e);
  const weights = e.map((value) => Math.exp(value - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  const stored: Record<string, (tile: number) => number> = {
    contribution: (tile) => (weights[tile] / sum) * (v[tile] - readout.reference),
    attention: (tile) => weights[tile] / sum,
    'tile-probability': (tile) => 1 / (1 + Math.exp(-(readout.offset + v[tile]))),
    'z-score': (tile) => (v[tile] - readout.mean) / readout.sd,
  };
  // The score that the page shows follows from the same numbers.
  const score = readout.offset + v.reduce((total, value, i) => total + (weights[i] / sum) * value, 0);
  expect(score).toBeCloseTo(target.prediction.score, 5);

  for (const [quantity, expected] of Object.entries(stored)) {
    await slide.choose('layer-quantity', quantity);
    for (const [x, y] of [[0.5, 0.5], [0.42, 0.3], [0.6, 0.72]]) {
      await slide.point(x, y);
      await expect(slide.value).toBeVisible();
      const tile = Number(await slide.value.getAttribute('data-tile'));
      // The tile that the screen names is the one under the cursor.
      const [um_x, um_y] = await slide.pointedAt();
      const [px, py] = [um_x / detail.summary.mpp.x, um_y / detail.summary.mpp.y];
      const cell = grid.present[tile];
      const [left, top] = [grid.origin_x + (cell % grid.columns) * grid.step_x, grid.origin_y + Math.floor(cell / grid.columns) * grid.step_y];
      expect(px).toBeGreaterThan(left - 3);
      expect(px).toBeLessThan(left + grid.size_x + 3);
      expect(py).toBeGreaterThan(top - 3);
      expect(py).toBeLessThan(top + grid.size_y + 3);
      const shown = Number(await slide.value.getAttribute('data-value'));
      expect(Math.abs(shown - expected(tile))).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected(tile))));
    }
  }

});

test('the keyboard alone moves the view and reads values', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await slide.canvas.focus();
  await page.keyboard.press('+');
  await slide.settled();
  await expect(slide.value).toBeVisible();
  await expect(page.getByTestId('viewer-cross')).toBeVisible();
  const before = await slide.pointedAt();
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
  await slide.settled();
  const after = await slide.pointedAt();
  expect(after[0]).toBeGreaterThan(before[0]);
  expect(Math.abs(after[1] - before[1])).toBeLessThan(2);
});

test('the slide page fits its window and keeps nobody out', async ({ page }, info) => {
  test.setTimeout(120_000);
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  for (const [width, height] of [[390, 844], [768, 1024], [1280, 800], [1920, 1080]]) {
    await page.setViewportSize({ width, height });
    await slide.settled();
    await expectNoSidewaysScroll(page);
    // The whole viewer can be seen at once.
    const box = await slide.canvas.boundingBox();
    expect(box?.height).toBeGreaterThan(250);
    expect(box?.height).toBeLessThanOrEqual(height);
    await slide.point(0.5, 0.5);
    await expect(slide.value).toBeVisible();
    await expectAccessible(page);
    const picture = `test-results/slide-${info.project.name}-${width}.png`;
    await page.screenshot({ path: picture });
    if (process.env.MARROWSCOPE_PICTURES && info.project.name === 'light' && width === 1280) {
      copyFileSync(picture, 'pictures/slide.png');
    }
  }
});

test('a slide that is no marrow says that its predictions mean nothing', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('SKIN-1');
  await expect(page.getByText(/skin/i).first()).toBeVisible();
  await slide.toggle.check();
  await slide.settled();
  await slide.point(0.5, 0.5);
  await expect(slide.value).toBeVisible();
});

test('tiles are chosen by their values on the histogram, without asking the server', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await slide.settled();
  const drawn = page.getByTestId('histogram-drawn');
  await expect(drawn).toHaveText(/^Showing all [\d,]+ tiles$/);
  const all = await slide.canvas.screenshot();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));

  await slide.brush(0.6, 1);
  await expect(drawn).toHaveText(/^Showing [\d,]+ of [\d,]+ tiles, /);
  await slide.settled();
  expect((await slide.canvas.screenshot()).equals(all)).toBe(false);
  expect(requests.filter((url) => url.includes('/terms/'))).toEqual([]);

  const brushed = await drawn.textContent();
  const upTo = page.getByLabel('Show tiles up to');
  await upTo.focus();
  await page.keyboard.press('PageDown');
  await expect(drawn).not.toHaveText(brushed ?? '');
  await expect(upTo).toHaveAttribute('aria-valuetext', /log odds$/);
  // Bars, colours and brush have one axis.
  const [plot, bar] = await Promise.all(
    ['histogram-surface', 'colour-bar'].map((testId) => page.getByTestId(testId).boundingBox()),
  );
  expect(plot?.x).toBe(bar?.x);
  expect(plot?.width).toBe(bar?.width);

  await page.getByTestId('histogram-reset').click();
  await expect(drawn).toHaveText(/^Showing all/);
});

test('zero keeps its colour when an end of the colours is set by hand', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await slide.choose('layer-quantity', 'contribution');
  await expect(page.getByTestId('layer-fit')).toBeChecked();
  await page.getByTestId('layer-range-high').fill('0.2');
  await page.getByTestId('layer-range-high').blur();
  await expect(page.getByTestId('layer-range-low')).toHaveValue('-0.2');
  await expect(page.getByTestId('legend-low')).toHaveAttribute('data-value', '-0.2');
  await expect(page.getByTestId('legend-mid')).toHaveAttribute('data-value', '0');
  await expect(page.getByTestId('layer-fit')).not.toBeChecked();
  await page.getByTestId('layer-fit').check();
  await expect(page.getByTestId('legend-low')).not.toHaveAttribute('data-value', '-0.2');
});

test('several layers lie over each other, each with its legend and its value', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await expect(page.getByTestId('layer-list')).toBeHidden();
  const first = await page.getByTestId('layer-target').inputValue();
  await page.getByTestId('layer-add').click();
  await expect(page.getByTestId('layer-list').getByRole('listitem')).toHaveCount(2);
  expect(await page.getByTestId('layer-target').inputValue()).not.toBe(first);
  await slide.settled();
  await slide.point(0.5, 0.5);
  await expect(slide.value).toBeVisible();
  await expect(page.getByTestId('readout-layer')).toHaveCount(1);
  await expect(page.locator('.legend')).toHaveCount(2);
  await expectAccessible(page);

  const chosen = await page.getByTestId('legend-target').textContent();
  await page.getByTestId('layer-list').getByRole('button').nth(1).click();
  await expect(page.getByTestId('legend-target')).not.toHaveText(chosen ?? '');
  expect(await page.getByTestId('layer-target').inputValue()).toBe(first);
  await page.getByTestId('layer-remove').click();
  await expect(page.getByTestId('layer-list')).toBeHidden();
});

test('the most telling tiles are a list that leads to them', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await slide.settled();
  await expect(page.getByTestId('legend-words')).toHaveText(/: [\d,]+ tiles, .* The most telling one, /);
  await page.getByTestId('tiles-next').click();
  const tile = page.getByTestId('top-tile-1');
  await expect(tile).toHaveAttribute('aria-current', 'true');
  await slide.settled();
  await slide.point(0.5, 0.5);
  const value = (await slide.value.textContent()) ?? 'nothing';
  await expect(tile).toContainText(value.trim());
  await page.getByTestId('tiles-next').click();
  await expect(page.getByTestId('top-tile-2')).toHaveAttribute('aria-current', 'true');
  await expect(tile).not.toHaveAttribute('aria-current', 'true');
});
