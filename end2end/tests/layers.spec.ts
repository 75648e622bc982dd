// Every control of a layer, by what is seen on the tile in the middle and what is said of it.

import type { Page } from '@playwright/test';
import type { Colour } from '../support/picture';
import { SlidePage } from '../support/slide-page';
import { expect, test } from '../support/test';

/** A slide with one opaque layer, the third of its most telling tiles in the middle. */
async function opened(page: Page): Promise<SlidePage> {
  const slide = new SlidePage(page);
  const [model] = (await (await page.request.get('/api/v1/slides/PH-0001')).json()).models;
  await slide.open('PH-0001', `layer=${model.key},${model.targets[0].key},attention,meadow,100`);
  await page.getByTestId('top-tile-3').click();
  await expect(page.getByTestId('top-tile-3')).toHaveAttribute('aria-current', 'true');
  await slide.view();
  // A hand over the slide and away again: the tile that one was led to is no longer read, and has no outline.
  await slide.point(0.1, 0.1);
  await page.mouse.move(0, 0);
  await expect(slide.value).toBeHidden();
  return slide;
}

/** The colour in the middle of the canvas. */
async function middle(slide: SlidePage): Promise<Colour> {
  const picture = await slide.picture();
  return picture.at(picture.width / 2, picture.height / 2);
}

const far = (one: Colour, other: Colour): number => Math.max(...one.map((level, channel) => Math.abs(level - other[channel])));

test('opacity, colours, threshold and smoothing change what is drawn, and back', async ({ page }) => {
  const slide = await opened(page);
  const opaque = await slide.picture();
  const colour = await middle(slide);
  await page.getByTestId('layer-opacity').fill('0');
  const bare = await slide.picture();
  const image = await middle(slide);
  expect(far(image, colour)).toBeGreaterThan(60);
  await page.getByTestId('layer-opacity').fill('40');
  await expect(page).toHaveURL(/layer=[^&]*,meadow,40/);
  const mixed = image.map((level, channel) => 0.6 * level + 0.4 * colour[channel]) as Colour;
  expect(far(await middle(slide), mixed)).toBeLessThanOrEqual(2);
  // Without the heatmap the slide is as with one that is clear.
  await page.getByTestId('layer-opacity').fill('100');
  await slide.toggle.uncheck();
  expect((await slide.picture()).difference(bare)).toBeLessThanOrEqual(1);
  await slide.toggle.check();
  expect((await slide.picture()).difference(opaque)).toBeLessThanOrEqual(1);

  // The tile lies above the brush.
  await slide.brush(0.15, 0.01);
  await expect(page.getByTestId('histogram-drawn')).toHaveText(/^Showing \d+ of/);
  expect(far(await middle(slide), image)).toBeLessThanOrEqual(1);
  await expect(page).toHaveURL(/only:/);
  await page.getByTestId('histogram-reset').click();
  expect(far(await middle(slide), colour)).toBeLessThanOrEqual(1);

  const smooth = page.getByTestId('layer-smooth');
  await expect(smooth).not.toBeChecked();
  await smooth.check();
  // In its middle a tile keeps its own colour.
  expect(far(await middle(slide), colour)).toBeLessThanOrEqual(4);
  expect((await slide.picture()).difference(opaque)).toBeGreaterThan(20);
  await expect(page).toHaveURL(/,smooth/);
  await smooth.uncheck();
  expect((await slide.picture()).difference(opaque)).toBeLessThanOrEqual(1);

  for (const quantity of ['attention', 'contribution']) {
    await slide.choose('layer-quantity', quantity);
    const maps = await page.getByTestId('layer-colour-map').locator('option').evaluateAll((all) => all.map((option) => (option as HTMLOptionElement).value));
    expect(maps.length).toBeGreaterThan(1);
    const seen: Colour[] = [];
    for (const map of maps) {
      await slide.choose('layer-colour-map', map);
      await expect(page).toHaveURL(new RegExp(`,${map},100`));
      const own = await middle(slide);
      for (const other of seen) expect(far(own, other), `${quantity}, ${map}`).toBeGreaterThan(3);
      seen.push(own);
    }
  }
});

test('colours follow values or ranks, between ends that can be set', async ({ page }) => {
  const slide = await opened(page);
  const colour = await middle(slide);
  const [low, high] = [page.getByTestId('layer-range-low'), page.getByTestId('layer-range-high')];
  const ends = (): Promise<number[]> =>
    Promise.all(['legend-low', 'legend-high'].map(async (end) => Number(await page.getByTestId(end).getAttribute('data-value'))));
  const fitted = await ends();
  expect(fitted[0]).toBe(0);

  await high.fill(String(fitted[1] / 4));
  await high.blur();
  await expect.poll(ends).toEqual([0, fitted[1] / 4]);
  const brighter = await middle(slide);
  expect(far(brighter, colour)).toBeGreaterThan(20);
  await expect(page).toHaveURL(/range:0:/);
  // What cannot be an end is told and not taken.
  await low.fill('7');
  await low.blur();
  await expect(page.getByRole('alert').filter({ visible: true })).toHaveText('The low end must be a number below the high end.');
  await expect(low).toHaveAttribute('aria-invalid', 'true');
  expect(await ends()).toEqual([0, fitted[1] / 4]);
  expect(far(await middle(slide), brighter)).toBeLessThanOrEqual(1);
  await page.getByTestId('layer-fit').check();
  await expect.poll(ends).toEqual(fitted);
  expect(far(await middle(slide), colour)).toBeLessThanOrEqual(1);

  await slide.choose('layer-grading', 'percentile');
  await expect.poll(ends).toEqual([0, 100]);
  await expect(page.getByTestId('legend-unit')).toContainText('percentile');
  expect(far(await middle(slide), colour)).toBeGreaterThan(20);
  await expect(page).toHaveURL(/,percentile/);
  // The third of 81 has 79 that are not larger.
  await slide.point(0.5, 0.5);
  expect(Number(await page.getByTestId('readout-percentile').getAttribute('data-value'))).toBeCloseTo((100 * 79) / 81, 6);
  await slide.choose('layer-grading', 'value');
  await expect.poll(ends).toEqual(fitted);
});

test('layers lie over each other in the order of their list, and each can be hidden', async ({ page }) => {
  const slide = await opened(page);
  const only = await slide.picture();
  await page.getByTestId('layer-add').click();
  // In colours of its own, else the two could not be told apart.
  const gradients = (): Promise<string[]> => page.locator('.layers__swatch').evaluateAll((swatches) => swatches.map((swatch) => (swatch as HTMLElement).style.background));
  await expect.poll(async () => new Set(await gradients()).size).toBe(2);
  await slide.choose('layer-colour-map', 'ember');
  await page.getByTestId('layer-opacity').fill('100');
  await expect(page.locator('.legend')).toHaveCount(2);
  const list = page.getByTestId('layer-list');
  const [up, down] = [page.getByTestId('layer-up'), page.getByTestId('layer-down')];
  const titles = (): Promise<string[]> => list.locator('.layers__title').allTextContents();
  const [above, below] = await titles();
  await expect(up).toBeDisabled();
  const over = await slide.picture();
  expect(over.difference(only)).toBeGreaterThan(20);

  // What lies below an opaque one is not seen.
  const eye = (title: string) => list.getByRole('checkbox', { name: `Show ${title}` });
  await eye(below).uncheck();
  await expect(page.locator('.legend')).toHaveCount(1);
  expect((await slide.picture()).difference(over)).toBeLessThanOrEqual(1);
  await eye(below).check();
  await down.click();
  expect(await titles()).toEqual([below, above]);
  await expect(down).toBeDisabled();
  expect((await slide.picture()).difference(only)).toBeLessThanOrEqual(1);
  await expect(page).toHaveURL(/,ember,100.*layer=.*,meadow,100/);
  await eye(below).uncheck();
  expect((await slide.picture()).difference(over)).toBeLessThanOrEqual(1);
  await expect(page).toHaveURL(/,meadow,100,hidden/);
  await eye(below).check();
  await up.click();
  expect(await titles()).toEqual([above, below]);

  // Four at most, and away again.
  await page.getByTestId('layer-add').click();
  await page.getByTestId('layer-add').click();
  await expect(page.getByTestId('layer-add')).toBeDisabled();
  for (let layers = 4; layers > 2; layers--) {
    await expect(list.getByRole('listitem')).toHaveCount(layers);
    await page.getByTestId('layer-remove').click();
  }
  expect(await titles()).toEqual([above, below]);
  expect((await slide.picture()).difference(over)).toBeLessThanOrEqual(1);
});

test('quantity, target, model and difference are what the tile is read by', async ({ page }) => {
  const slide = await opened(page);
  await slide.point(0.5, 0.5);
  const number = async (testId: string): Promise<number> => Number(await page.getByTestId(testId).getAttribute('data-value'));
  const options = (testId: string): Promise<[string, string][]> =>
    page.getByTestId(testId).locator('option').evaluateAll((all) => all.map((option) => [(option as HTMLOptionElement).value, option.textContent ?? '']));
  await expect(slide.value).toBeVisible();

  const quantities = await options('layer-quantity');
  expect(quantities.map(([key]) => key)).toEqual(['contribution', 'attention', 'removal-effect', 'tile-probability', 'z-score']);
  for (const [key, title] of quantities) {
    await slide.choose('layer-quantity', key);
    await expect(page.getByTestId('legend-quantity')).toHaveText(title);
    await expect.poll(() => number('readout-value')).toBe(await number(`readout-${key}`));
  }
  // The read-out names the probability of all targets, each the one that its own layer shows.
  const targets = await options('layer-target');
  await slide.choose('layer-quantity', 'tile-probability');
  const read = await Promise.all(targets.map(([key]) => number(`readout-target-${key}`)));
  expect(new Set(read).size).toBe(targets.length);
  for (const [index, [key, title]] of targets.entries()) {
    await slide.choose('layer-target', key);
    await expect(page.getByTestId('legend-target')).toHaveText(title);
    await expect.poll(() => number('readout-value')).toBe(read[index]);
  }

  // The first model minus the second, by the values of both.
  await slide.choose('layer-quantity', 'attention');
  const models = await options('layer-model');
  const of: number[] = [];
  for (const [key, title] of [models[1], models[0]]) {
    await slide.choose('layer-model', key);
    await expect(page.getByTestId('legend-model')).toHaveText(title);
    await expect.poll(() => number('readout-value')).toBe(await number('readout-attention'));
    of.unshift(await number('readout-value'));
  }
  await slide.choose('layer-minus', models[1][0]);
  await expect(page.getByTestId('legend-model')).toHaveText(`${models[0][1]} − ${models[1][1]}`);
  await expect(page.getByTestId('legend-quantity')).toHaveText('Attention, first − second model');
  await expect(page.getByTestId('legend-mid')).toHaveAttribute('data-value', '0');
  await expect.poll(() => number('readout-value')).toBeCloseTo(of[0] - of[1], 9);
  expect(Math.abs(of[0] - of[1])).toBeGreaterThan(1e-6);
});
