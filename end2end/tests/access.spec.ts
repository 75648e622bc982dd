// Nothing keeps a person out, whatever is open. The pages as they open are looked at by the tests of what they show.

import type { Page } from '@playwright/test';
import { SlidePage } from '../support/slide-page';
import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../support/test';

/** Opens everything that can be open beside everything else, and looks at it. */
async function opened(page: Page): Promise<void> {
  await expectNoSidewaysScroll(page);
  await page.getByTestId('minimap-heatmap').click();
  for (const panel of ['viewer-turn', 'viewer-image']) {
    await page.getByTestId(panel).click();
    await expect(page.getByTestId(panel)).toHaveAttribute('aria-expanded', 'true');
    await expectAccessible(page);
  }
  await page.getByTestId('viewer-image').click();
  await slideCompared(page);
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
}

/** With the field for the code of a slide, and two views. */
async function slideCompared(page: Page): Promise<void> {
  await page.getByTestId('compare-kind').selectOption('slide');
  await page.getByTestId('compare-slide').fill('PH-0002');
  await page.getByTestId('compare-slide').press('Enter');
  await expect(page.getByTestId('pane-B').getByTestId('viewer-canvas')).toHaveAttribute('data-settled', 'true');
}

for (const [width, height] of [[1280, 800], [390, 844]]) {
  test(`the slide page with every panel open keeps nobody out, ${width} px wide`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    const slide = new SlidePage(page);
    await slide.open('PH-0001');
    await slide.toggle.check();
    await page.getByTestId('layer-add').click();
    await expect(page.locator('.legend')).toHaveCount(2);
    const fold = page.getByTestId('minimap-fold');
    if ((await fold.getAttribute('aria-expanded')) === 'false') await fold.click();
    await opened(page);
  });
}

test('pages that say what is wrong keep nobody out either', async ({ page }) => {
  await page.addInitScript(() => {
    HTMLCanvasElement.prototype.getContext = () => null;
  });
  await page.goto('/slides/PH-0001');
  await expect(page.getByTestId('viewer-static')).toBeVisible();
  await expectAccessible(page);
});

test.describe('what is not there', () => {
  test.use({ expectedComplaints: /404/ });

  test('a page that is not there keeps nobody out', async ({ page }) => {
    await page.goto('/slides/NO-1');
    await expectAccessible(page);
    await page.goto('/no/such/page');
    await expectAccessible(page);
  });
});
