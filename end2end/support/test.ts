// `test` with the server's address, and with a look at the browser's console after every test.

import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';

export const test = base.extend<{ expectedComplaints: RegExp | null; quietConsole: void }>({
  /** What the browser says of a failure that a test brings about. */
  expectedComplaints: [null, { option: true }],
  baseURL: async ({}, use) => {
    await use(process.env.MARROWSCOPE_URL);
  },
  quietConsole: [
    async ({ page, expectedComplaints }, use) => {
      const complaints: string[] = [];
      page.on('console', (message) => {
        // Software WebGL reports its own slowness when a test reads pixels back.
        const ours = !/GPU stall|GL Driver Message/.test(message.text());
        const expected = expectedComplaints?.test(message.text()) ?? false;
        if (ours && !expected && ['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await use();
      expect(complaints, 'the browser complains').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Nothing that keeps a person out: no violation of WCAG 2.2 A and AA that axe can see, nor of what it calls best practice. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  expect(violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((node) => node.target.join(' ')).join('; ')}`)).toEqual([]);
  expect(passes.map(({ id }) => id)).toContain('target-size');
}

/** Nothing sticks out to the right. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(content).toBeLessThanOrEqual(window);
}
