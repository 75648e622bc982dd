import { patients } from '../support/environment';
import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../support/test';

test('the list shows the real slide, the synthetic cohort and how the models did', async ({ page }, info) => {
  await page.goto('/');
  await expect(page.locator('a[href="/slides/SKIN-1"]')).toBeVisible();
  await expect(page.locator('a[href^="/slides/PH-"]')).toHaveCount(patients);
  await expect(page.getByText('synthetic', { exact: false }).first()).toBeVisible();
  await expect(page.locator('a[href="/slides/SKIN-1"] img')).toHaveJSProperty('complete', true);
  await expectAccessible(page);
  for (const width of [390, 1280, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
    await page.screenshot({ path: `test-results/list-${info.project.name}-${width}.png` });
  }
});

test('a filter finds a patient', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('a[href^="/slides/PH-"]')).toHaveCount(patients);
  await page.getByRole('searchbox').fill('P-0007');
  await expect(page.locator('a[href^="/slides/"]')).toHaveCount(1);
  await page.getByRole('searchbox').fill('synthetic del(5q)');
  await expect(page.locator('a[href^="/slides/"]')).toHaveCount(19);
  // Kept while a slide is looked at, with the place in the list.
  await page.mouse.wheel(0, 300);
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(200);
  const place = await page.evaluate(() => scrollY);
  await page.locator('a[href^="/slides/PH-"]').nth(10).click();
  await expect(page.getByTestId('viewer-canvas')).toBeVisible();
  await page.goBack();
  await expect(page.locator('a[href^="/slides/"]')).toHaveCount(19);
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(place);
  await page.getByRole('searchbox').fill('nobody');
  await expect(page.locator('a[href^="/slides/"]')).toHaveCount(0);
});

test('what is not there is told as a page', async ({ page, request }) => {
  for (const path of ['/slides/NO-1', '/no/such/page']) {
    const answer = await request.get(path, { headers: { accept: 'text/html' } });
    expect(answer.status()).toBe(404);
    expect(await answer.text()).toContain('Not found');
  }
  await page.goto('/status');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Status');
  await expect(page.getByText('Tiles encoded')).toBeVisible();
  await expectAccessible(page);
});
