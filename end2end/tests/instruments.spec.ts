// What is measured, seen and kept with the tools of the viewer.

import { readFile } from 'node:fs/promises';

import { SlidePage } from '../support/slide-page';
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

test('a picture is kept with where it comes from', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=1');
  const download = page.waitForEvent('download');
  await page.getByTestId('viewer-snapshot').click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^PH-0001_1000_1200_[\d.]+x\.png$/);
  const png = await readFile(await file.path());
  const canvas = await slide.canvas.evaluate((element: HTMLCanvasElement) => [element.width, element.height]);
  expect(png.readUInt32BE(16)).toBe(canvas[0]);
  // The strip below it.
  expect(png.readUInt32BE(20)).toBeGreaterThan(canvas[1] + 40);
});

test('the keys are listed', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.canvas.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys of the viewer' });
  await expect(keys).toBeVisible();
  await expectAccessible(page);
  await keys.press('Escape');
  await expect(keys).toBeHidden();
  await expect(slide.canvas).toBeFocused();
});
