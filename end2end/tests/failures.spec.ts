// What is seen when something cannot be had: tiles, and WebGL2.

import { SlidePage } from '../support/slide-page';
import { expect, expectNoSidewaysScroll, test } from '../support/test';

/** One tile of the slide at its stored resolution, and a view with it in the middle. */
const TILE = /\/tiles\/0\/4\/4$/;
const VIEW = 'at=1152,1152&zoom=1';
/** A part of that tile on a canvas, px from its middle. */
const within = ({ width, height }: { width: number; height: number }) => ({ x: Math.round(width / 2) - 90, y: Math.round(height / 2) - 90, width: 180, height: 180 });

test.describe('tiles', () => {
  test.use({ expectedComplaints: /Failed to load resource|ERR_FAILED/ });

  test('a tile that cannot be had is striped and told of, and is there when it is tried again', async ({ page }) => {
    const slide = new SlidePage(page);
    await page.route(TILE, (route) => route.abort());
    await page.goto(`/slides/PH-0001?${VIEW}`);
    const notice = page.getByTestId('viewer-notice');
    await expect(notice).toHaveText('1 part of the image could not be loaded (striped)');
    // Given up at last: from now on only the button helps.
    await slide.view();
    const failed = await slide.picture();
    const part = within(failed);
    await page.unroute(TILE);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(notice).toBeHidden();
    await slide.view();
    const healed = await slide.picture();
    expect(failed.difference(healed, part)).toBeGreaterThan(40);
    await page.reload();
    await slide.settled();
    expect((await slide.picture()).difference(healed)).toBeLessThanOrEqual(1);
  });

  test('what the server will not give is told in its words, once, without a button that cannot help', async ({ page }) => {
    const detail = 'The file of this slide has changed since it was imported: import it again.';
    const body = JSON.stringify({ title: 'Conflict', status: 409, detail });
    await page.route(/\/tiles\//, (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body }));
    await page.goto(`/slides/PH-0001?${VIEW}`);
    const notice = page.getByTestId('viewer-notice');
    await expect(notice).toHaveText(new RegExp(`^\\d+ parts of the image could not be loaded \\(striped\\)\\. ${detail}$`));
    const again = page.getByRole('button', { name: 'Try again' });
    await expect(again).toBeHidden();
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      await expect(notice).toBeInViewport({ ratio: 1 });
      await expectNoSidewaysScroll(page);
    }
    // Where some may come yet, the button is there.
    await page.unroute(/\/tiles\//);
    await page.route(TILE, (route) => route.abort());
    await page.route(/\/tiles\/0\/(?!4\/4$)/, (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body }));
    await page.reload();
    await expect(again).toBeVisible();
    await expect(notice).not.toContainText(detail);
  });

  test('a picture of the list that the server has no time for comes later', async ({ page }) => {
    const asked: number[] = [];
    await page.route(/\/slides\/PH-0001\/[^/]+\/thumbnail$/, (route) => {
      asked.push(Date.now());
      return asked.length === 1 ? route.fulfill({ status: 503 }) : route.continue();
    });
    await page.goto('/');
    const picture = page.locator('a[href="/slides/PH-0001"] img');
    await picture.scrollIntoViewIfNeeded();
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth), { timeout: 15_000 }).toBeGreaterThan(0);
    expect(asked).toHaveLength(2);
    expect(asked[1] - asked[0]).toBeGreaterThan(1900);
  });

  test('a tile that the server has no time for is asked for again when it said, and comes', async ({ page }) => {
    const slide = new SlidePage(page);
    const asked: number[] = [];
    await page.route(TILE, (route) => {
      asked.push(Date.now());
      return asked.length === 1 ? route.fulfill({ status: 503, headers: { 'retry-after': '2' } }) : route.continue();
    });
    await page.goto(`/slides/PH-0001?${VIEW}`);
    const notice = page.getByTestId('viewer-notice');
    await expect(notice).toContainText('could not be loaded');
    await expect(notice).toBeHidden();
    await slide.view();
    expect(asked).toHaveLength(2);
    expect(asked[1] - asked[0]).toBeGreaterThan(1900);
    const healed = await slide.picture();
    await page.unroute(TILE);
    await page.reload();
    await slide.settled();
    expect((await slide.picture()).difference(healed)).toBeLessThanOrEqual(1);
  });
});

test.describe('the graphics card', () => {
  test.use({ expectedComplaints: /WebGL|CONTEXT_LOST/ });

  /** Has the browser take the card away from the first view; `restore` gives it back. */
  const lose = (slide: SlidePage) =>
    slide.canvas.evaluate((canvas: HTMLCanvasElement) => {
      const extension = canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context');
      Object.assign(window, { cardOfTest: extension });
      extension?.loseContext();
    });
  const restore = (slide: SlidePage) =>
    slide.page.evaluate(() => (window as unknown as { cardOfTest: WEBGL_lose_context }).cardOfTest.restoreContext());

  test('a card that is taken away is told of, and the picture comes back with it', async ({ page }) => {
    const slide = new SlidePage(page);
    await slide.open('PH-0001', VIEW);
    await slide.toggle.check();
    // With all that the keyboard shows on the canvas.
    await slide.press('r');
    await slide.press('R');
    await slide.settled();
    const before = await slide.picture();
    const notice = page.getByTestId('viewer-notice');
    await lose(slide);
    await expect(notice).toContainText('The graphics card is taken away');
    await expect(page.getByRole('button', { name: 'Try again' })).toBeHidden();
    await expect(slide.canvas).toHaveAttribute('data-settled', 'false');
    // Also while something is asked of the view.
    await slide.canvas.press('r');
    await page.waitForTimeout(500);
    await expect(slide.canvas).toHaveAttribute('data-settled', 'false');
    await slide.canvas.press('R');
    await page.waitForTimeout(500);
    await restore(slide);
    await expect(notice).toBeHidden();
    await slide.view();
    await slide.settled();
    expect((await slide.picture()).difference(before)).toBeLessThanOrEqual(1);
  });

  test('a card that comes back unfit leaves the message and the overview', async ({ page }) => {
    const slide = new SlidePage(page);
    await slide.open('PH-0001', VIEW);
    await page.evaluate(() => {
      WebGL2RenderingContext.prototype.createProgram = () => null as unknown as WebGLProgram;
    });
    await lose(slide);
    await expect(page.getByTestId('viewer-notice')).toContainText('The graphics card is taken away');
    await restore(slide);
    await expect(page.getByTestId('viewer-static')).toContainText('no WebGL2');
    await expect(page.getByRole('img', { name: 'Overview of slide PH-0001' })).toBeVisible();
    await expect(page.getByTestId('viewer-notice')).toBeHidden();
  });

  test('tiles that the card has no room for are striped and told of, and come when it has', async ({ page }) => {
    await page.addInitScript(() => {
      const own = WebGL2RenderingContext.prototype;
      const { texStorage2D, texSubImage2D, getError } = own;
      let hasRoom = false;
      let isFull = false;
      let asked = 0;
      Object.assign(window, { asked: () => asked, makeRoom: () => (hasRoom = true) });
      own.texStorage2D = function (this: WebGL2RenderingContext, ...args: Parameters<typeof texStorage2D>) {
        // A tile, not a row of colours.
        isFull ||= !hasRoom && args[2] === this.RGBA8 && args[4] > 16;
        if (!isFull) texStorage2D.apply(this, args);
      };
      own.texSubImage2D = function (this: WebGL2RenderingContext, ...args: unknown[]) {
        if (!isFull) (texSubImage2D as (...args: unknown[]) => void).apply(this, args);
      };
      own.getError = function (this: WebGL2RenderingContext) {
        asked += 1;
        if (isFull) {
          isFull = false;
          return this.OUT_OF_MEMORY;
        }
        return getError.call(this);
      };
    });
    const slide = new SlidePage(page);
    await page.goto(`/slides/PH-0001?${VIEW}`);
    await expect(page.getByTestId('viewer-notice')).toContainText('could not be loaded (striped)');
    const full = await slide.picture();
    await page.evaluate(() => (window as unknown as { makeRoom: () => void }).makeRoom());
    await expect(async () => {
      const again = page.getByRole('button', { name: 'Try again' });
      if (await again.isVisible()) await again.click({ timeout: 1000 });
      await expect(page.getByTestId('viewer-notice')).toBeHidden({ timeout: 2000 });
    }).toPass({ timeout: 30_000 });
    await slide.view();
    await slide.settled();
    const healed = await slide.picture();
    expect(full.difference(healed)).toBeGreaterThan(40);
    // The card is not asked at every frame: asking waits for it.
    const asked = () => page.evaluate(() => (window as unknown as { asked: () => number }).asked());
    const before = await asked();
    await slide.canvas.press('+');
    await slide.canvas.press('-');
    await slide.view();
    expect((await asked()) - before).toBeLessThan(10);
  });
});

test('a heatmap that the card has no room for is told of, and comes when it has', async ({ page }) => {
  await page.addInitScript(() => {
    const own = WebGL2RenderingContext.prototype;
    const { texStorage2D, texSubImage2D, getError } = own;
    let hasRoom = false;
    let isFull = false;
    let hasFailed = false;
    Object.assign(window, { makeRoom: () => (hasRoom = true) });
    own.texStorage2D = function (this: WebGL2RenderingContext, ...args: Parameters<typeof texStorage2D>) {
      isFull = !hasRoom && args[2] === this.RG32F;
      hasFailed ||= isFull;
      if (!isFull) texStorage2D.apply(this, args);
    };
    own.texSubImage2D = function (this: WebGL2RenderingContext, ...args: unknown[]) {
      if (!isFull) (texSubImage2D as (...args: unknown[]) => void).apply(this, args);
    };
    own.getError = function (this: WebGL2RenderingContext) {
      const failed = hasFailed;
      hasFailed = isFull = false;
      return failed ? this.OUT_OF_MEMORY : getError.call(this);
    };
  });
  const slide = new SlidePage(page);
  await slide.open('PH-0001', VIEW);
  const plain = await slide.picture();
  await slide.toggle.check();
  await expect(page.getByTestId('legend-message')).toContainText('no room for this heatmap');
  await expect(page.getByTestId('legend')).toBeHidden();
  await slide.settled();
  // The tiles of the image have nothing to do with it.
  expect((await slide.picture()).difference(plain, within(plain))).toBeLessThanOrEqual(1);
  await page.evaluate(() => (window as unknown as { makeRoom: () => void }).makeRoom());
  await slide.toggle.uncheck();
  await slide.toggle.check();
  await expect(page.getByTestId('legend')).toBeVisible();
  await slide.settled();
  expect((await slide.picture()).difference(plain, within(plain))).toBeGreaterThan(5);
});

test('bytes that are no picture are a tile that failed', async ({ page }) => {
  const slide = new SlidePage(page);
  await page.route(/\/tiles\/0\//, (route) => route.fulfill({ contentType: 'image/jpeg', body: 'broken' }));
  await page.goto('/slides/PH-0001?at=1000,1000&zoom=1');
  await expect(page.getByTestId('viewer-notice')).toContainText('parts of the image could not be loaded');
  await page.unroute(/\/tiles\/0\//);
  // It is tried again by itself, too: the button may be gone before it is pressed.
  const again = page.getByRole('button', { name: 'Try again' });
  await expect(async () => {
    if (await again.isVisible()) await again.click({ timeout: 1000 });
    await expect(page.getByTestId('viewer-notice')).toBeHidden({ timeout: 2000 });
  }).toPass({ timeout: 30_000 });
  await slide.settled();
});

test('without WebGL2 there is a message, an overview, and no control that does nothing', async ({ page }) => {
  await page.addInitScript(() => {
    const own = HTMLCanvasElement.prototype.getContext as (kind: string, options?: unknown) => RenderingContext | null;
    HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, options?: unknown) {
      return kind === 'webgl2' ? null : own.call(this, kind, options);
    } as typeof HTMLCanvasElement.prototype.getContext;
  });
  await page.goto('/slides/PH-0001');
  await expect(page.getByTestId('viewer-static')).toContainText('no WebGL2');
  const overview = page.getByRole('img', { name: 'Overview of slide PH-0001' });
  await expect(overview).toBeVisible();
  await expect.poll(() => overview.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100);
  // What the models say can be read all the same.
  await expect(page.getByText('del(5q)').first()).toBeVisible();
  const places = '.viewer, [data-testid="layer-controls"], [data-testid="compare"]';
  const controls = page.locator(places).locator('button, input, select, [tabindex="0"]').filter({ visible: true });
  await expect(controls.and(page.locator(':enabled, [tabindex="0"]'))).toHaveCount(0);
});
