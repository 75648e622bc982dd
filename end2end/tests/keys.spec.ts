// Every key that the viewer's list of keys names does what the list says.

import { expectSame, SlidePage } from '../support/slide-page';
import { expect, expectAccessible, test } from '../support/test';

/** What is tried for each row of the list, in its order. */
const rows: [string, (slide: SlidePage) => Promise<void>][] = [
  ['← → ↑ ↓', async (slide) => {
    const box = await slide.box();
    for (const [key, x, y] of [['ArrowLeft', -1, 0], ['ArrowRight', 1, 0], ['ArrowUp', 0, -1], ['ArrowDown', 0, 1]] as const) {
      const before = await slide.view();
      const after = await slide.press(key);
      // The picture lies on whole pixels of the screen.
      expect(Math.abs((after.x - before.x) * after.zoom - 0.2 * x * box.width), key).toBeLessThan(1.1);
      expect(Math.abs((after.y - before.y) * after.zoom - 0.2 * y * box.height), key).toBeLessThan(1.1);
    }
  }],
  ['+ −', async (slide) => {
    const before = await slide.view();
    expect((await slide.press('+')).zoom).toBeCloseTo(before.zoom * 1.6, 5);
    expect((await slide.press('-')).zoom).toBeCloseTo(before.zoom, 5);
  }],
  ['0', async (slide) => {
    const box = await slide.box();
    const whole = await slide.press('0');
    expect(whole).toMatchObject({ x: 1024, y: 1024 });
    // With a margin of 2 % on each side.
    expect(whole.zoom).toBeCloseTo((0.96 * Math.min(box.width, box.height)) / 2048, 3);
  }],
  ['1 … 7', async (slide) => {
    // The lowest ones are out of reach on so small a slide: they are tried with their buttons.
    for (const [key, times] of [['3', '5'], ['4', '10'], ['7', '80']]) {
      await slide.press(key);
      await expect(slide.page.getByTestId('magnification')).toHaveText(new RegExp(`^${times}(\\.00?)?×`));
    }
    await slide.press('5');
  }],
  ['r', async (slide) => {
    const turned = await slide.press('r');
    expect(turned.rotation).toBe(90);
    // Right on the screen is up on a slide that is turned a quarter to the right.
    const moved = await slide.press('ArrowRight');
    expect(moved.y).toBeLessThan(turned.y);
    expect(moved.x).toBeCloseTo(turned.x, 3);
  }],
  ['Shift r', async (slide) => {
    expect((await slide.press('Shift+R')).rotation).toBe(0);
  }],
  ['f', async (slide) => {
    const mirrored = await slide.press('f');
    expect(mirrored.flipped).toBe(true);
    expect((await slide.press('ArrowRight')).x).toBeLessThan(mirrored.x);
    expect((await slide.press('f')).flipped).toBe(false);
  }],
  ['h', async (slide) => {
    const legend = slide.page.getByTestId('legend');
    await slide.press('h');
    await expect(legend).toBeVisible();
    await slide.press('h');
    await expect(legend).toBeHidden();
    await slide.press('h');
    await expect(legend).toBeVisible();
  }],
  ['n p', async (slide) => {
    const first = await slide.press('n');
    await expect(slide.page.getByTestId('top-tile-1')).toHaveAttribute('aria-current', 'true');
    await expect(slide.value).toBeVisible();
    const second = await slide.press('n');
    expect(Math.hypot(first.x - second.x, first.y - second.y)).toBeGreaterThan(100);
    expectSame(await slide.press('p'), first);
  }],
  ['m', async (slide) => {
    const { mouse, keyboard } = slide.page;
    const before = await slide.view();
    await slide.press('m');
    await expect(slide.page.getByTestId('viewer-ruler')).toHaveAttribute('aria-pressed', 'true');
    const box = await slide.box();
    const [left, top] = [Math.round(box.x) + 200, Math.round(box.y) + 200];
    await mouse.move(left, top);
    await mouse.down();
    await keyboard.down('Shift');
    await mouse.move(left + 200, top + 90);
    await mouse.up();
    await keyboard.up('Shift');
    // Held level it is as long as it is wide.
    await expect(slide.page.getByTestId('ruler-label')).toHaveText(new RegExp(`^${200 * 0.5 / before.zoom}(\\.0)? µm$`));
    expectSame(await slide.view(), before);
    await slide.press('m');
    await expect(slide.page.getByTestId('viewer-ruler')).toHaveAttribute('aria-pressed', 'false');
  }],
  ['c', async (slide) => {
    await slide.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const { x, y, zoom } = await slide.press('c');
    await expect(slide.page.getByTestId('link-status')).toHaveText('Link copied');
    const link = new URL(await slide.page.evaluate(() => navigator.clipboard.readText()));
    const [at, times] = ['at', 'zoom'].map((name) => link.searchParams.get(name)?.split(',').map(Number));
    expect([at?.[0], at?.[1], times?.[0]].map((number) => number?.toFixed(2))).toEqual([x, y, zoom].map((number) => number.toFixed(2)));
  }],
  ['s', async (slide) => {
    const download = slide.page.waitForEvent('download');
    await slide.canvas.press('s');
    expect((await download).suggestedFilename()).toMatch(/^PH-0001_.*\.png$/);
    await expect(slide.page.getByTestId('viewer-said')).toHaveText('The picture was saved.');
  }],
  ['?', async (slide) => {
    const list = slide.page.getByRole('dialog', { name: 'Keys of the viewer' });
    await slide.canvas.press('?');
    await list.getByRole('button', { name: 'Close' }).click();
    await expect(list).toBeHidden();
    await expect(slide.canvas).toBeFocused();
  }],
  ['Esc', async (slide) => {
    const labels = slide.page.getByTestId('ruler-label');
    await expect(labels).toHaveCount(1);
    await slide.press('m');
    await slide.point(0.3, 0.6);
    await slide.page.mouse.down();
    await slide.point(0.5, 0.7);
    await expect(labels).toHaveCount(2);
    await slide.page.keyboard.press('Escape');
    await expect(labels).toHaveCount(1);
    await slide.page.mouse.up();
    await expect(slide.page.getByTestId('viewer-ruler')).toHaveAttribute('aria-pressed', 'false');
  }],
];

test('the list names every key, and each does what it says', async ({ page }) => {
  test.setTimeout(120_000);
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1000&zoom=1');
  await slide.canvas.press('?');
  const list = page.getByRole('dialog', { name: 'Keys of the viewer' });
  await expect(list).toBeVisible();
  await expectAccessible(page);
  const listed = await list.locator('dt').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('kbd')].map((key) => key.textContent).join(' ')));
  expect(listed).toEqual(rows.map(([row]) => row));
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
  await expect(slide.canvas).toBeFocused();
  for (const [row, tried] of rows) await test.step(row, () => tried(slide));
});

test('keys work on a page that was just opened, and not while one types', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=1000,1000&zoom=1');
  const list = page.getByRole('dialog', { name: 'Keys of the viewer' });
  await expect(page.locator('body')).toBeFocused();
  await page.keyboard.press('?');
  await expect(list).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
  await page.keyboard.press('m');
  const ruler = page.getByTestId('viewer-ruler');
  await expect(ruler).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('m');
  await expect(ruler).toHaveAttribute('aria-pressed', 'false');
  // The choice of the model has letters of its own to do with.
  await page.getByRole('combobox').first().focus();
  await page.keyboard.press('m');
  await expect(ruler).toHaveAttribute('aria-pressed', 'false');
});
