// The slide page is a WebAssembly module of its own: when it is fetched, and what happens when it cannot be.

import type { Page } from '@playwright/test';
import { SlidePage } from '../support/slide-page';
import { expect, test } from '../support/test';

const part = /\/pkg\/[0-9a-f]{8}\/split_slide_page\.wasm$/;
const main = /\/pkg\/[0-9a-f]{8}\/marrowscope_bg\.wasm$/;

interface Fetched { url: string; start: number; end: number }

/** What the browser has loaded of the application. */
async function fetched(page: Page, what: RegExp): Promise<Fetched[]> {
  const all = await page.evaluate(() =>
    performance.getEntriesByType('resource').map((entry) => {
      const { name, startTime, responseEnd } = entry as PerformanceResourceTiming;
      return { url: name, start: startTime, end: responseEnd };
    }),
  );
  return all.filter(({ url }) => what.test(url));
}

async function card(page: Page): Promise<void> {
  await page.locator('a[href="/slides/PH-0001"]').click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('PH-0001');
}

test('the list fetches the slide page while nobody asks for it, and once', async ({ page }) => {
  await page.goto('/');
  await expect.poll(() => fetched(page, part).then((parts) => parts.length)).toBe(1);
  const [[code], [page_code]] = [await fetched(page, main), await fetched(page, part)];
  // What the list needs comes first.
  expect(page_code.start).toBeGreaterThan(code.end);
  await card(page);
  await expect(page.getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Slides');
  await page.goForward();
  await expect(page.getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
  expect(await fetched(page, part)).toHaveLength(1);
});

test('a slide that is opened by its address has both modules fetched at once, each once', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await new SlidePage(page).open('PH-0001', 'at=900,1100&zoom=0.75');
  for (const module of [main, part]) expect(asked.filter((url) => module.test(url))).toHaveLength(1);
  const [[code], [page_code]] = [await fetched(page, main), await fetched(page, part)];
  expect(page_code.start).toBeLessThan(code.end);
});

test('the status page needs no part', async ({ page }) => {
  await page.goto('/status');
  await page.waitForLoadState('networkidle');
  expect(await fetched(page, main)).toHaveLength(1);
  expect(await fetched(page, part)).toHaveLength(0);
});

test.describe('without the part', () => {
  test.use({ expectedComplaints: /Failed to fetch|Failed to load resource|ERR_FAILED|preload/ });

  test('a slide that is opened by its address says so, and comes when it is tried again', async ({ page }) => {
    await page.route(part, (route) => route.abort());
    await page.goto('/slides/PH-0001');
    await expect(page.getByRole('alert')).toContainText('could not be loaded');
    await expect(page.getByRole('heading', { level: 1 })).toContainText('PH-0001');
    await page.unroute(part);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('a slide that is opened from the list says so, and the other pages go on', async ({ page }) => {
    await page.route(part, (route) => route.abort());
    await page.goto('/');
    await card(page);
    await expect(page.getByRole('alert')).toContainText('could not be loaded');
    await page.getByRole('link', { name: 'All slides' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Slides');
    await page.unroute(part);
    await card(page);
    await expect(page.getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
  });
});
