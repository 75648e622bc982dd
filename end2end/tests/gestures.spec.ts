// Mouse, wheel, trackpad and fingers.

import { slideAt, SlidePage, type View } from '../support/slide-page';
import { expect, test } from '../support/test';

/** The place in the middle of the canvas's left third, px from its middle. */
const PLACE = [-0.2, 0.1] as const;

/** How far what lies there has moved, px of the screen. */
const slipped = (before: View, after: View, right: number, down: number): number => {
  const [[x0, y0], [x1, y1]] = [slideAt(before, right, down), slideAt(after, right, down)];
  return Math.hypot(x1 - x0, y1 - y0) * after.zoom;
};

test('wheel, trackpad, double click and a turning drag keep what is under the hand', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  const box = await slide.box();
  const [right, down] = [Math.round(PLACE[0] * box.width), Math.round(PLACE[1] * box.height)];
  const [x, y] = [box.x + box.width / 2 + right, box.y + box.height / 2 + down];
  await page.mouse.move(x, y);
  let before = await slide.view();
  const zoomed = async (factor: number, what: string): Promise<void> => {
    await expect.poll(async () => (await slide.view()).zoom / before.zoom, what).toBeCloseTo(factor, 2);
    const after = await slide.view();
    expect(slipped(before, after, right, down), what).toBeLessThan(1.5);
    before = after;
  };
  for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -120);
  await zoomed(Math.exp(5 * 120 * 0.0022), 'wheel');
  // Browsers tell a pinch on a trackpad as a wheel with Control.
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -30);
  await page.keyboard.up('Control');
  await zoomed(Math.exp(0.3), 'pinch on a trackpad');
  await page.mouse.dblclick(x, y);
  await zoomed(2, 'double click');
  await page.keyboard.down('Shift');
  await page.mouse.dblclick(x, y);
  await page.keyboard.up('Shift');
  await zoomed(0.5, 'double click with Shift');

  await page.mouse.wheel(90, 0);
  await expect.poll(async () => ((await slide.view()).x - before.x) * before.zoom).toBeCloseTo(90, 0);
  const sideways = await slide.view();
  expect(sideways.zoom).toBe(before.zoom);

  // A quarter about the middle.
  await slide.point(0.8, 0.5);
  await page.keyboard.down('Shift');
  await page.mouse.down();
  const reach = 0.3 * box.width;
  for (let degrees = 5; degrees <= 90; degrees += 5) {
    const angle = (degrees * Math.PI) / 180;
    await page.mouse.move(box.x + box.width / 2 + reach * Math.cos(angle), box.y + box.height / 2 + reach * Math.sin(angle));
  }
  await page.mouse.up();
  await page.keyboard.up('Shift');
  const turned = await slide.view();
  expect(turned.rotation).toBeCloseTo(90, 0);
  expect(slipped(sideways, turned, 0, 0)).toBeLessThan(1);
});

for (const reducedMotion of ['no-preference', 'reduce'] as const) {
  test(`a flick goes on by itself: ${reducedMotion}`, async ({ browser, baseURL }) => {
    const context = await browser.newContext({ baseURL, viewport: { width: 1280, height: 800 }, reducedMotion });
    const page = await context.newPage();
    const slide = new SlidePage(page);
    await page.goto('/slides/PH-0001?at=1000,1000&zoom=2');
    const before = await slide.view();
    await slide.drag([20, 40, 60].map((at) => ({ right: at, millis: at })), 60);
    const way = async (): Promise<number> => (before.x - (await slide.view()).x) * before.zoom;
    await expect.poll(way).toBeGreaterThan(59);
    if (reducedMotion === 'reduce') expect(await way()).toBeCloseTo(60, 0);
    else expect(await way()).toBeGreaterThan(120);
    await context.close();
  });
}

test('fingers move, zoom and turn the slide, and a tap reads it', async ({ browser, baseURL, request }) => {
  const context = await browser.newContext({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 }, baseURL, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const slide = new SlidePage(page);
  const [model] = (await (await request.get('/api/v1/slides/PH-0001')).json()).models;
  await slide.open('PH-0001', `layer=${model.key},${model.targets[0].key},attention,meadow,55`);
  const before = await slide.view();
  const box = await slide.box();
  const session = await context.newCDPSession(page);
  const [right, down] = [Math.round(PLACE[0] * box.width), Math.round(PLACE[1] * box.height)];
  const [cx, cy] = [box.x + box.width / 2 + right, box.y + box.height / 2 + down];
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: [number, number][]) =>
    session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  const pair = (reach: number, degrees: number): [number, number][] => {
    const angle = (degrees * Math.PI) / 180;
    const [dx, dy] = [reach * Math.cos(angle), reach * Math.sin(angle)];
    return [[cx - dx, cy - dy], [cx + dx, cy + dy]];
  };
  await touch('touchStart', ...pair(40, 0));
  for (let step = 1; step <= 20; step++) await touch('touchMove', ...pair(40 + 2 * step, 3 * step));
  await touch('touchEnd');
  const pinched = await slide.view();
  expect(pinched.zoom / before.zoom).toBeCloseTo(2, 1);
  // The first degrees are not taken for meant.
  expect(pinched.rotation).toBeGreaterThan(40);
  expect(pinched.rotation).toBeLessThan(62);
  expect(slipped(before, pinched, right, down)).toBeLessThan(2);

  await touch('touchStart', [cx, cy]);
  await touch('touchMove', [cx + 20, cy]);
  await touch('touchMove', [cx + 60, cy - 30]);
  await touch('touchEnd');
  const moved = await slide.view();
  const [x, y] = slideAt(moved, 60, -30);
  expect(Math.hypot(x - pinched.x, y - pinched.y) * moved.zoom).toBeLessThan(2);
  expect(moved.rotation).toBe(pinched.rotation);

  await expect(slide.value).toBeHidden();
  await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
  await expect(slide.value).toBeVisible();
  // The panel lies below the fold of a phone: the value is said at the foot of the picture, too.
  await expect(page.getByTestId('foot-value')).toContainText((await slide.value.textContent())!.trim());
  const [um, down_um] = await slide.pointedAt();
  expect(Math.hypot(um / 0.5 - moved.x, down_um / 0.5 - moved.y) * moved.zoom).toBeLessThan(5);
  await context.close();
});
