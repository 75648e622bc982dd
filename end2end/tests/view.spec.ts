// How the view moves, and that its address brings it back.

import { SlidePage, type View } from '../support/slide-page';
import { expect, expectAccessible, test } from '../support/test';

const near = (view: View, other: View): void => {
  expect(Math.hypot(view.x - other.x, view.y - other.y) * view.zoom).toBeLessThan(1);
  expect(view.zoom / other.zoom).toBeCloseTo(1, 4);
  expect(view.rotation).toBeCloseTo(other.rotation, 1);
  expect(view.flipped).toBe(other.flipped);
};

test('every key of the viewer does what it says', async ({ page }) => {
  test.setTimeout(120_000);
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.canvas.focus();
  const press = async (key: string): Promise<View> => {
    await page.keyboard.press(key);
    await slide.settled();
    return slide.view();
  };
  const whole = await slide.view();
  const magnification = page.getByTestId('magnification');
  for (const [key, times] of [['4', '10'], ['5', '20'], ['6', '40']]) {
    await press(key);
    await expect(magnification).toHaveText(new RegExp(`^${times}(\\.0)?\\u00d7`));
  }
  const at40 = await slide.view();
  expect((await press('-')).zoom).toBeCloseTo(at40.zoom / 1.6, 5);
  expect((await press('+')).zoom).toBeCloseTo(at40.zoom, 5);
  expect((await press('r')).rotation).toBe(90);
  // Right on the screen is up on a slide that is turned a quarter to the right.
  const before = await slide.view();
  const moved = await press('ArrowRight');
  expect(moved.y).toBeLessThan(before.y);
  expect(moved.x).toBeCloseTo(before.x, 3);
  expect((await press('R')).rotation).toBe(0);
  expect((await press('f')).flipped).toBe(true);
  const mirrored = await slide.view();
  expect((await press('ArrowRight')).x).toBeLessThan(mirrored.x);
  expect((await press('f')).flipped).toBe(false);
  near(await press('0'), whole);

  await press('h');
  await expect(page.getByTestId('legend')).toBeVisible();
  const first = await press('n');
  await expect(slide.value).toBeVisible();
  const second = await press('n');
  expect(Math.hypot(first.x - second.x, first.y - second.y)).toBeGreaterThan(100);
  near(await press('p'), first);
  await press('h');
  await expect(page.getByTestId('legend')).toBeHidden();
});

test('wheel, pinch, twist and a turning drag keep what is under the hand', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.point(0.3, 0.6);
  const under = await slide.pointedAt();
  for (let i = 0; i < 6; i++) await page.mouse.wheel(0, -120);
  await slide.settled();
  await slide.point(0.3, 0.6);
  const still = await slide.pointedAt();
  expect(Math.hypot(still[0] - under[0], still[1] - under[1])).toBeLessThan(3);

  const before = await slide.view();
  await page.mouse.wheel(90, 0);
  await slide.settled();
  const sideways = await slide.view();
  expect(sideways.zoom).toBe(before.zoom);
  expect((sideways.x - before.x) * before.zoom).toBeCloseTo(90, 0);

  // A quarter about the middle.
  await slide.point(0.8, 0.5);
  await page.keyboard.down('Shift');
  await page.mouse.down();
  const box = await slide.canvas.boundingBox();
  if (!box) throw new Error('no canvas');
  const reach = 0.3 * box.width;
  for (let degrees = 5; degrees <= 90; degrees += 5) {
    const angle = (degrees * Math.PI) / 180;
    await page.mouse.move(box.x + box.width / 2 + reach * Math.cos(angle), box.y + box.height / 2 + reach * Math.sin(angle));
  }
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await slide.settled();
  const turned = await slide.view();
  expect(turned.rotation).toBeCloseTo(90, 0);
  expect(Math.hypot(turned.x - sideways.x, turned.y - sideways.y) * turned.zoom).toBeLessThan(1);
});

test('two fingers move, zoom and turn the slide', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 }, baseURL, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  const before = await slide.view();
  const box = await slide.canvas.boundingBox();
  if (!box) throw new Error('no canvas');
  const session = await context.newCDPSession(page);
  const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', reach: number, degrees: number) => {
    const angle = (degrees * Math.PI) / 180;
    const [dx, dy] = [reach * Math.cos(angle), reach * Math.sin(angle)];
    const touchPoints = type === 'touchEnd' ? [] : [{ x: cx - dx, y: cy - dy, id: 1 }, { x: cx + dx, y: cy + dy, id: 2 }];
    return session.send('Input.dispatchTouchEvent', { type, touchPoints });
  };
  await touch('touchStart', 40, 0);
  for (let step = 1; step <= 20; step++) await touch('touchMove', 40 + 2 * step, 3 * step);
  await touch('touchEnd', 0, 0);
  await slide.settled();
  const after = await slide.view();
  expect(after.zoom / before.zoom).toBeGreaterThan(1.7);
  expect(after.zoom / before.zoom).toBeLessThan(2.3);
  // The first degrees are not taken for meant.
  expect(after.rotation).toBeGreaterThan(40);
  expect(after.rotation).toBeLessThan(62);
  await context.close();
});

test('a link is a view: slide, place, turn, layers, image and comparison come back', async ({ page, request }) => {
  test.setTimeout(120_000);
  const detail = await (await request.get('/api/v1/slides/PH-0001')).json();
  const [model, other] = detail.models.map((m: { key: string }) => m.key);
  const query = [
    'at=900.5,1100.25&zoom=0.75&turn=30&flip&light=0.1,1.2,0.9',
    `layer=${model},del5q,attention,ember,70,smooth,percentile,only:50:100`,
    `layer=${model},SF3B1,contribution,study,40`,
    `beside=PH-0002&sync=off&b.at=700,800&b.zoom=0.5&b.layer=${other},del5q,contribution,blue-orange,55,minus:${model}`,
  ].join('&');
  const slide = new SlidePage(page);
  await slide.open('PH-0001', query);
  const [first, second] = [await slide.view(0), await slide.view(1)];
  expect(first).toEqual({ x: 900.5, y: 1100.25, zoom: 0.75, rotation: 30, flipped: true });
  expect(second).toEqual({ x: 700, y: 800, zoom: 0.5, rotation: 0, flipped: false });
  await expect(page.getByTestId('pane-B')).toBeVisible();
  // Nothing is lost by being read: what is written is what was there.
  await page.waitForTimeout(1000);
  expect(new URL(page.url()).search.slice(1)).toBe(query);
  await expectAccessible(page);

  // The link as it is copied opens the same view in another window.
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByTestId('viewer-canvas').first().focus();
  await page.keyboard.press('ArrowRight');
  await slide.settled();
  const moved = await slide.view();
  await page.keyboard.press('c');
  await expect(page.getByTestId('link-status')).toHaveText('Link copied');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const again = await page.context().newPage();
  const copy = new SlidePage(again);
  await again.goto(link);
  await copy.settled();
  near(await copy.view(), moved);
  await again.close();
});

test('back and forth lead through the views', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  const whole = await slide.view();
  await slide.canvas.focus();
  await page.keyboard.press('h');
  await slide.settled();
  await expect(page).toHaveURL(/layer=/);
  await page.keyboard.press('n');
  await slide.settled();
  await expect(page).toHaveURL(/at=/);
  const tile = await slide.view();
  await page.goBack();
  await slide.settled();
  near(await slide.view(), whole);
  await expect(page.getByTestId('legend')).toBeVisible();
  await page.goBack();
  await expect(page.getByTestId('legend')).toBeHidden();
  await page.goForward();
  await expect(page.getByTestId('legend')).toBeVisible();
  await page.goForward();
  await slide.settled();
  near(await slide.view(), tile);
});

test('two views are compared: together, free, another target, a difference, another slide', async ({ page }) => {
  test.setTimeout(120_000);
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await slide.choose('compare-kind', 'without');
  await slide.settled();
  await expect(page.getByTestId('pane-B')).toBeVisible();
  expect(new URL(page.url()).search).toContain('beside=PH-0001');
  await slide.canvas.focus();
  await page.keyboard.press('5');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('r');
  await slide.settled();
  near(await slide.view(1), await slide.view(0));

  // The second leads when it is acted upon.
  await page.getByTestId('viewer-canvas').nth(1).focus();
  await page.keyboard.press('ArrowDown');
  await slide.settled();
  near(await slide.view(0), await slide.view(1));

  await page.getByTestId('compare-sync').uncheck();
  const free = await slide.view(0);
  await page.getByTestId('viewer-canvas').nth(1).focus();
  await page.keyboard.press('ArrowLeft');
  await slide.settled();
  near(await slide.view(0), free);
  // Left on the screen is down on a slide that is turned a quarter.
  expect((await slide.view(1)).y).toBeGreaterThan(free.y);

  await page.getByTestId('compare-side-A').click();
  await slide.choose('compare-kind', 'difference');
  await slide.settled();
  await expect(page).toHaveURL(/b\.layer=[^&]*minus:/);
  await slide.choose('compare-kind', 'slide');
  await page.getByTestId('compare-slide').fill('PH-0003');
  await page.getByTestId('compare-slide').press('Enter');
  await expect(page).toHaveURL(/beside=PH-0003/);
  await expect(page.getByTestId('pane-B')).toContainText('PH-0003');
  await slide.settled();
  await page.getByTestId('compare-close').click();
  await expect(page.getByTestId('pane-B')).toBeHidden();
  await expect(page).not.toHaveURL(/beside=/);
});

test('a tile that cannot be had is seen as such, and comes when it can', async ({ page }) => {
  const slide = new SlidePage(page);
  await page.route(/\/tiles\/0\//, (route) => route.fulfill({ contentType: 'image/jpeg', body: 'broken' }));
  await page.goto('/slides/PH-0001?at=1000,1000&zoom=1');
  await expect(page.getByTestId('viewer-notice')).toContainText('could not be loaded');
  const again = page.getByRole('button', { name: 'Try again' });
  await again.click();
  await page.unroute(/\/tiles\/0\//);
  // It is tried again by itself, too: the button may be gone before it is pressed.
  await expect(async () => {
    if (await again.isVisible()) await again.click({ timeout: 1000 });
    await expect(page.getByTestId('viewer-notice')).toBeHidden({ timeout: 2000 });
  }).toPass({ timeout: 30_000 });
  await slide.settled();
});

test('without WebGL2 there is a message and an overview', async ({ page }) => {
  await page.addInitScript(() => {
    HTMLCanvasElement.prototype.getContext = () => null;
  });
  await page.goto('/slides/PH-0001');
  await expect(page.getByTestId('viewer-static')).toContainText('no WebGL2');
  await expect(page.getByRole('img', { name: 'Overview of slide PH-0001' })).toBeVisible();
});
