import { SlidePage } from '../support/slide-page';
import { expect, test } from '../support/test';

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

test('the value under the cursor is the stored one', async ({ page, request }, info) => {
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
  await page.screenshot({ path: `test-results/slide-${info.project.name}-1280.png` });
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
