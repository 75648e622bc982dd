// The strip of tools: how large, how it lies, in which light and stain, on how much of the screen.

import type { Page } from '@playwright/test';
import type { Picture } from '../support/picture';
import { expectSame, SlidePage } from '../support/slide-page';
import { expect, test } from '../support/test';

/** A part of the canvas on which nothing lies, whatever is open. */
const FREE = { x: 20, y: 20, width: 320, height: 300 };

const same = (one: Picture, other: Picture): void => expect(one.difference(other, FREE)).toBeLessThanOrEqual(1);

test('brightness, contrast and gamma do what they say, a link carries them, and a button takes them back', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  const button = page.getByTestId('viewer-image');
  await expect(button).toHaveAccessibleName('Light and stains');
  await button.click();
  const reset = page.getByTestId('light-reset');
  await expect(reset).toBeDisabled();
  const plain = await slide.picture();
  const of = async (name: string, place: string, text: string): Promise<Picture> => {
    const slider = page.getByTestId(name);
    await slider.fill(place);
    await expect(slider).toHaveAttribute('aria-valuetext', text);
    return slide.picture();
  };
  // Every pixel as the formula has it; what the screen rounds, and JPEG's twofold rounding, aside.
  const follows = (shown: Picture, formula: (level: number) => number): void => {
    const expected = plain.colours(FREE).map((colour) => colour.map((level) => Math.min(1, Math.max(0, formula(level / 255))) * 255));
    const worst = shown.colours(FREE).reduce((most, colour, i) => Math.max(most, ...colour.map((level, channel) => Math.abs(level - expected[i][channel]))), 0);
    expect(worst).toBeLessThan(2.5);
  };
  follows(await of('brightness', '-0.2', '−20 %'), (level) => level - 0.2);
  await reset.click();
  follows(await of('contrast', '-1', '× 0.500'), (level) => (level - 0.5) * 0.5 + 0.5);
  await reset.click();
  follows(await of('gamma', '1', '2.00'), (level) => level ** 0.5);
  await of('contrast', '0.5', '× 1.41');
  const changed = await of('brightness', '0.1', '+10 %');
  await expect(page.getByTestId('image-note')).toHaveText('light changed');
  await expect(button).toHaveAccessibleName('Light and stains, light changed');
  await expect(page).toHaveURL(/light=0\.1,1\.414,2(&|$)/);

  await page.reload();
  await slide.settled();
  same(await slide.picture(), changed);
  await button.click();
  await expect(page.getByTestId('gamma')).toHaveValue('1');
  await reset.click();
  await expect(reset).toBeDisabled();
  same(await slide.picture(), plain);
  await expect(page).not.toHaveURL(/light=/);
});

test('each stain alone is another picture, and all together the one that was scanned', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  await page.getByTestId('viewer-image').click();
  await expect(page.getByTestId('stain-note')).toContainText('stained pixels');
  const scanned = await slide.picture();
  const before = [scanned];
  for (const stain of ['haematoxylin', 'eosin', 'residual']) {
    await slide.choose('stain-channel', stain);
    await expect(page.getByTestId('image-note')).toHaveText(`${stain} only`);
    const alone = await slide.picture();
    for (const other of before) expect(alone.difference(other, FREE), stain).toBeGreaterThan(30);
    before.push(alone);
  }
  await slide.choose('stain-channel', '');
  same(await slide.picture(), scanned);
});

test('what is folded out lies under its button, and on a narrow page above the picture', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  for (const tool of ['viewer-turn', 'viewer-image']) {
    const button = page.getByTestId(tool);
    const panel = page.locator('.tool-panel:visible');
    await page.setViewportSize({ width: 1280, height: 800 });
    await button.click();
    const [above, below] = [(await button.boundingBox())!, (await panel.boundingBox())!];
    expect(Math.abs(above.x - below.x), tool).toBeLessThan(2);
    expect(below.y, tool).toBeGreaterThanOrEqual(above.y + above.height - 1);
    await page.setViewportSize({ width: 390, height: 844 });
    await expect(async () => {
      const [folded, picture] = [(await panel.boundingBox())!, (await slide.canvas.boundingBox())!];
      expect(folded.y + folded.height, tool).toBeLessThanOrEqual(picture.y + 1);
      expect(picture.height, tool).toBeGreaterThan(200);
    }).toPass();
    await button.click();
    await expect(panel).toHaveCount(0);
  }
});

test('the slide is turned by any angle, mirrored, and set upright', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=1');
  const button = page.getByTestId('viewer-turn');
  await button.click();
  const rotation = async (): Promise<number> => (await slide.view()).rotation;
  await page.getByTestId('turn-slider').fill('123');
  await expect.poll(rotation).toBe(123);
  await expect(page.getByTestId('turn-degrees')).toHaveValue('123');
  await page.getByTestId('turn-right').click();
  await expect.poll(rotation).toBe(213);
  await page.getByTestId('turn-left').click();
  await expect.poll(rotation).toBe(123);
  await page.getByTestId('turn-degrees').fill('-12.5');
  await page.getByTestId('turn-degrees').press('Enter');
  await expect.poll(rotation).toBe(347.5);
  const flip = page.getByTestId('viewer-flip');
  await flip.click();
  await expect(flip).toHaveAttribute('aria-pressed', 'true');
  // A mirror turns round what is turned.
  await expect(page).toHaveURL(/turn=[\d.]+&flip/);
  await expect(button).toHaveAccessibleName(/^Turn and mirror, turned [\d.]+°, mirrored$/);
  await page.getByTestId('turn-reset').click();
  await expect.poll(async () => (await slide.view()).flipped).toBe(false);
  expect(await slide.view()).toMatchObject({ rotation: 0, x: 1024, y: 1024 });
  await page.getByTestId('turn-slider').press('Escape');
  await expect(page.getByTestId('turn-slider')).toBeHidden();
  await expect(button).toBeFocused();
});

test('every magnification has a button and a key', async ({ page }) => {
  // So small that even the lowest one shows less than twice the slide.
  await page.setViewportSize({ width: 390, height: 740 });
  const slide = new SlidePage(page);
  await slide.open('SKIN-1');
  const whole = await slide.view();
  const pressed = page.locator('[data-testid^="magnify-"][aria-pressed="true"]');
  for (const [index, power] of [1.25, 2.5, 5, 10, 20, 40, 80].entries()) {
    const button = page.getByTestId(`magnify-${power}`);
    const shows = async (): Promise<void> => {
      // The slide was scanned at 20×.
      await expect.poll(async () => (await slide.view()).zoom).toBeCloseTo(power / 20, 6);
      await expect(pressed).toHaveText([`${power}×`]);
      await expect(page.getByTestId('magnification')).toHaveText(power > 20 ? /×, beyond the scan$/ : /×$/);
      await expect(page.getByTestId('magnification')).toHaveText(new RegExp(`^${power}0*(\\.0+)?×`));
    };
    await slide.press(String(index + 1));
    await shows();
    await page.getByTestId('viewer-fit').click();
    await expect.poll(async () => (await slide.view()).zoom).toBeCloseTo(whole.zoom, 6);
    await button.click();
    await shows();
  }
  await page.getByTestId('viewer-native').click();
  await expect.poll(async () => (await slide.view()).zoom).toBe(1);
  await page.getByTestId('viewer-out').click();
  await expect.poll(async () => (await slide.view()).zoom).toBeCloseTo(1 / 1.6, 6);
  await page.getByTestId('viewer-in').click();
  await expect.poll(async () => (await slide.view()).zoom).toBeCloseTo(1, 6);
});

test('the viewer takes the whole screen and gives it back', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1200&zoom=0.5');
  const [before, box] = [await slide.view(), await slide.box()];
  const button = page.getByRole('button', { name: 'Full screen' });
  const full = (where: Page): Promise<string | undefined> => where.evaluate(() => document.fullscreenElement?.className);
  await expect(button).toHaveAttribute('aria-pressed', 'false');
  await button.click();
  await expect.poll(() => full(page)).toBe('viewer');
  await expect(button).toHaveAttribute('aria-pressed', 'true');
  await expect(button).toHaveAttribute('title', 'Leave full screen (Esc)');
  await expect.poll(async () => (await slide.box()).width).toBeGreaterThan(box.width + 200);
  // The tools and keys are still there, and the middle is where it was.
  await page.getByTestId('viewer-heatmap').click();
  await expect(page.getByTestId('viewer-heatmap')).toHaveAttribute('aria-pressed', 'true');
  expectSame(await slide.view(), before);
  expect((await slide.press('+')).zoom).toBeCloseTo(before.zoom * 1.6, 5);
  await slide.press('-');
  await button.click();
  await expect.poll(() => full(page)).toBe(undefined);
  await expect(button).toHaveAttribute('aria-pressed', 'false');
  await expect.poll(async () => (await slide.box()).width).toBe(box.width);
  expectSame(await slide.view(), before);
});
