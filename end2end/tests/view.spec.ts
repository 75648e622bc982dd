// How the view moves, and that its address brings it back.

import { Picture } from '../support/picture';
import { expectSame, SlidePage } from '../support/slide-page';
import { expect, expectAccessible, test } from '../support/test';

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
  expectSame(await copy.view(), moved);
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
  expectSame(await slide.view(), whole);
  await expect(page.getByTestId('legend')).toBeVisible();
  await page.goBack();
  await expect(page.getByTestId('legend')).toBeHidden();
  await page.goForward();
  await expect(page.getByTestId('legend')).toBeVisible();
  await page.goForward();
  await slide.settled();
  expectSame(await slide.view(), tile);
});

test('a link to a place outside of the slide shows its edge and can be left by going back', async ({ page }) => {
  const outside = 'at=1e9,1e9&zoom=1';
  await page.goto('/status');
  const slide = new SlidePage(page);
  await slide.open('PH-0001', outside);
  const edge = await slide.view();
  expect(edge.x).toBeLessThan(10_000);
  const where = () => new URL(page.url()).search.replace(/%2C/g, ',');
  await expect.poll(where).toContain(`at=${Math.round(edge.x)}`);
  await page.waitForTimeout(1000);
  await page.goBack();
  await expect(page).toHaveURL(/\/status$/);
  // The same where one comes to it while the page is shown.
  await slide.open('PH-0001', 'at=900,1000&zoom=0.5');
  const start = await slide.view();
  await page.evaluate((query) => history.pushState(null, '', `?${query}`), outside);
  await page.evaluate(() => history.pushState(null, '', '?at=100,100&zoom=0.5'));
  await page.goBack();
  await expect.poll(where).toContain(`at=${Math.round(edge.x)}`);
  await page.waitForTimeout(1000);
  expectSame(await slide.view(), edge);
  await page.goBack();
  await expect.poll(where).toContain('at=900,1000');
  expectSame(await slide.view(), start);
});

test('an address keeps its place while there is no view to be there', async ({ page }) => {
  // As in a window behind others: nobody tells the page how large it is.
  await page.addInitScript(() => {
    window.ResizeObserver = class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    };
  });
  const query = 'at=900.5,1100.25&zoom=0.75&beside=PH-0002&sync=off&b.at=700,800&b.zoom=0.5';
  await page.goto(`/slides/PH-0001?${query}`);
  await expect(page.getByTestId('pane-B')).toBeVisible();
  await page.waitForTimeout(1000);
  await expect(page.getByTestId('viewer-canvas').first()).not.toHaveAttribute('data-camera');
  expect(new URL(page.url()).search.slice(1)).toBe(query);
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
  expectSame(await slide.view(1), await slide.view(0));

  // The second leads when it is acted upon.
  await page.getByTestId('viewer-canvas').nth(1).focus();
  await page.keyboard.press('ArrowDown');
  await slide.settled();
  expectSame(await slide.view(0), await slide.view(1));

  await page.getByTestId('compare-sync').uncheck();
  const free = await slide.view(0);
  await page.getByTestId('viewer-canvas').nth(1).focus();
  await page.keyboard.press('ArrowLeft');
  await slide.settled();
  expectSame(await slide.view(0), free);
  // Left on the screen is down on a slide that is turned a quarter.
  expect((await slide.view(1)).y).toBeGreaterThan(free.y);

  await page.getByTestId('compare-side-A').click();
  await expect(page.getByTestId('legend-view')).toHaveText('View A');
  for (const [kind, query] of [['target', /&layer=[^,]*,del5q,.*&b\.layer=[^,]*,SF3B1,/], ['model', /&layer=([^,]*),(.*)&b\.layer=(?!\1)[^,]*,/], ['difference', /b\.layer=[^&]*minus:/]] as const) {
    await slide.choose('compare-kind', kind);
    await expect(page).toHaveURL(query);
    // Each says above it what it shows and how far its colours go.
    const headings = ['A', 'B'].map((side) => page.getByTestId(`pane-label-${side}`));
    for (const heading of headings) await expect(heading).toHaveText(/PH-0001.*Contribution · .* to \+[\d.]+ /);
    expect(await headings[0].textContent()).not.toBe((await headings[1].textContent())?.replace('B · ', 'A · '));
    // Each in its own colours: what is beside is another picture.
    await expect(page.getByTestId('pane-B').getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
    const [first, second] = await Promise.all([0, 1].map((index) => page.getByTestId('viewer-canvas').nth(index).screenshot()));
    expect(Picture.read(first).grey().mean, kind).not.toBeCloseTo(Picture.read(second).grey().mean, 0);
  }
  await slide.choose('compare-kind', 'slide');
  await expect(page.locator('#compare-codes option')).not.toHaveCount(0);
  await page.getByTestId('compare-slide').fill('NO-3');
  await page.getByTestId('compare-slide').press('Enter');
  await expect(page.getByTestId('compare')).toContainText('No slide has this code');
  // As the list writes it, however it is typed.
  await page.getByTestId('compare-slide').fill('ph-0003');
  await page.getByTestId('compare-slide').press('Enter');
  await expect(page).toHaveURL(/beside=PH-0003/);
  await expect(page.getByTestId('pane-B')).toContainText('PH-0003');
  await slide.settled();
  // Two patients: the panel says whose numbers it shows.
  await expect(page.getByTestId('panel-whose')).toHaveText('View A: PH-0001, patient P-0001');
  await page.getByTestId('compare-side-B').click();
  await expect(page.getByTestId('panel-whose')).toHaveText('View B: PH-0003, patient P-0003');
  await page.getByTestId('compare-side-A').click();
  await expect(page.getByTestId('compare-scales')).toContainText('Equal colours are not equal values');
  await page.getByTestId('compare-same-scale').click();
  await expect(page.getByTestId('compare-scales')).toBeHidden();
  const ends = await Promise.all(['A', 'B'].map((side) => page.getByTestId(`pane-label-${side}`).locator('.pane__ends').textContent()));
  expect(ends[0]).toBe(ends[1]);
  // It opens where the first one is, and goes along with it.
  expectSame(await slide.view(1), await slide.view(0));
  const before = await slide.view();
  await slide.press('ArrowDown');
  await slide.press('ArrowRight');
  const after = await slide.press('r');
  expect(Math.hypot(after.x - before.x, after.y - before.y) * after.zoom).toBeGreaterThan(100);
  await slide.settled();
  expectSame(await slide.view(1), after);
  await page.getByTestId('compare-close').press('Enter');
  await expect(page.getByTestId('pane-B')).toBeHidden();
  await expect(page).not.toHaveURL(/beside=/);
});

test('the keys work beside a button that was pressed, and a tile that one is led to is read', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await page.getByRole('button', { name: 'del(5q)', exact: true }).click();
  await expect(slide.toggle).toBeChecked();
  await page.keyboard.press('h');
  await expect(slide.toggle).not.toBeChecked();
  await page.keyboard.press('h');
  await expect(slide.toggle).toBeChecked();
  // The mouse rests where it was; what is read is where one was led.
  await page.keyboard.press('n');
  await expect(page.getByTestId('top-tile-1')).toHaveAttribute('aria-current', 'true');
  await slide.settled();
  const told = await page.getByTestId('top-tile-1').textContent();
  await expect(slide.value).toBeVisible();
  expect(told).toContain((await slide.value.textContent())!.trim());
  await slide.point(0.1, 0.1);
  await slide.point(0.12, 0.12);
  await expect(page.getByTestId('position-label')).toHaveText('Position');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toBeVisible();
});

test('a link to a second view of a slide that is not there leaves the first one of use', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'beside=NO-1');
  const told = page.locator('.slide__viewer').getByRole('alert').filter({ hasText: "There is no slide 'NO-1'." });
  await expect(told).toBeVisible();
  await told.getByRole('button', { name: 'Close this view' }).click();
  await expect(told).toBeHidden();
  await expect(page).not.toHaveURL(/beside=/);
  await slide.settled();
});

test('another slide takes the place of the one beside while that is marked', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'layer=attention-1,del5q,contribution&beside=PH-0002&b.layer=attention-1,SF3B1,contribution');
  for (const [code, heading] of [['PH-0003', /^B · PH-0003/], ['SKIN-1', /^B · SKIN-1 · Skin, not marrow/]] as const) {
    await slide.settled();
    await page.getByTestId('pane-B').getByTestId('viewer-canvas').click();
    await expect(page.getByTestId('pane-B')).toHaveClass(/pane--active/);
    await slide.choose('compare-kind', 'slide');
    await page.getByTestId('compare-slide').fill(code);
    await page.getByTestId('compare-slide').press('Enter');
    await expect(page.getByTestId('pane-label-B')).toHaveText(heading);
    // The settings are there, of the view that stayed.
    await expect(page.getByTestId('pane-A')).toHaveClass(/pane--active/);
    await expect(page.getByTestId('compare-kind')).toBeVisible();
  }
});

test('views are tied as they lie, without a jump, and aligned when that is asked for', async ({ page }) => {
  test.setTimeout(120_000);
  const slide = new SlidePage(page);
  await slide.open('PH-0001', 'at=900,1000&zoom=0.5&beside=PH-0001&sync=off&b.at=1200,1100&b.zoom=1&b.turn=90');
  const [first, second] = [await slide.view(0), await slide.view(1)];
  await page.getByTestId('compare-sync').check();
  await page.waitForTimeout(500);
  expectSame(await slide.view(0), first);
  expectSame(await slide.view(1), second);
  // What one does the other does, at its own scale and turn.
  await slide.press('ArrowRight');
  const [moved, led] = [await slide.view(0), await slide.view(1)];
  expect(moved.x).toBeGreaterThan(first.x + 50);
  expect(Math.hypot(led.x - second.x, led.y - second.y)).toBeCloseTo(moved.x - first.x, 0);
  expect([led.zoom, led.rotation]).toEqual([second.zoom, second.rotation]);
  await slide.press('r');
  expect((await slide.view(1)).rotation).toBeCloseTo(180, 3);
  // A link keeps it, and so does whoever comes by it.
  await expect(page).toHaveURL(/b\.turn=180/);
  await page.reload();
  await slide.settled();
  expect((await slide.view(1)).rotation).toBeCloseTo(180, 3);
  const stays = await slide.view(0);
  await page.getByTestId('compare-align').click();
  await slide.settled();
  expectSame(await slide.view(0), stays);
  expectSame(await slide.view(1), stays);
  await slide.press('ArrowDown');
  await slide.settled();
  expectSame(await slide.view(1), await slide.view(0));
});

test('a control stays under the hand when the tile in the middle is no longer read', async ({ page }) => {
  const slide = new SlidePage(page);
  await slide.open('PH-0001');
  await slide.toggle.check();
  await slide.choose('compare-kind', 'without');
  await expect(page.getByTestId('pane-B').getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
  await slide.press('ArrowDown');
  await expect(slide.value).toBeVisible();
  // The press takes the keyboard from the canvas.
  await page.getByTestId('compare-close').click();
  await expect(page.getByTestId('pane-B')).toBeHidden({ timeout: 5000 });
});
