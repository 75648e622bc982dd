// The browser of the benches: Chromium without a window, of 1920 × 1080 px, drawing WebGL in software.

import { chromium } from '@playwright/test';

export const width = 1920;
export const height = 1080;

export async function launch() {
  return chromium.launch({
    executablePath: process.env.MARROWSCOPE_CHROMIUM,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** A page with nothing in its cache; what goes wrong in it ends the bench. */
export async function newPage(browser) {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  return page;
}

/** Gives our viewer the whole window, as it has it on a wall. */
export async function fillWindow(page) {
  await page.addStyleTag({
    content: `[data-testid="viewer"], .viewer__field { position: fixed !important; inset: 0 !important; width: 100vw !important;
      height: 100vh !important; max-height: none !important; z-index: 1000 !important; border-radius: 0 !important; }`,
  });
  await page.evaluate(() => window.dispatchEvent(new Event('resize')));
  await page.waitForFunction(
    ([width, height]) => {
      const canvas = document.querySelector('[data-testid="viewer-canvas"]');
      return canvas?.width === width && canvas.height === height && canvas.dataset.settled === 'true';
    },
    [width, height],
    { polling: 'raf' },
  );
}

/** Brings our viewer to one pixel of the slide per pixel of the screen, as a person does: by the wheel. */
export async function zoomToNative(page) {
  for (let turn = 0; turn < 60; turn++) {
    const zoom = await page.evaluate(async () => {
      const canvas = document.querySelector('[data-testid="viewer-canvas"]');
      while (canvas.dataset.settled !== 'true') await new Promise(requestAnimationFrame);
      return Number(canvas.dataset.camera.split(' ')[2]);
    });
    if (Math.abs(zoom - 1) < 1e-6) return;
    // The viewer turns `delta` into a factor of exp(-0.0022 delta), and cuts it off at 600.
    const deltaY = Math.max(-600, Math.min(600, -Math.log(1 / zoom) / 0.0022));
    await page.evaluate(
      async ([deltaY, clientX, clientY]) => {
        const canvas = document.querySelector('[data-testid="viewer-canvas"]');
        canvas.dispatchEvent(new WheelEvent('wheel', { deltaY, clientX, clientY, bubbles: true, cancelable: true }));
      },
      [deltaY, width / 2, height / 2],
    );
  }
  throw new Error('the viewer does not come to one pixel per pixel');
}

export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
