// The slide page as a person uses it.

import { expect, type Locator, type Page } from '@playwright/test';

/** What the viewer shows: the middle in slide px, screen px per slide px, degrees clockwise. */
export interface View { x: number; y: number; zoom: number; rotation: number; flipped: boolean }

export class SlidePage {
  readonly canvas: Locator;
  readonly toggle: Locator;
  readonly value: Locator;
  readonly position: Locator;

  constructor(readonly page: Page) {
    this.canvas = page.getByTestId('viewer-canvas').first();
    this.toggle = page.getByTestId('layer-toggle');
    this.value = page.getByTestId('readout-value');
    this.position = page.getByTestId('readout-position');
  }

  async open(code: string, query = ''): Promise<void> {
    await this.page.goto(`/slides/${code}${query && '?'}${query}`);
    await expect(this.page.getByRole('heading', { level: 1 })).toHaveText(code);
    await this.settled();
  }

  /** What one of the viewers shows, once it is at rest. */
  async view(index = 0): Promise<View> {
    const canvas = this.page.getByTestId('viewer-canvas').nth(index);
    await expect(canvas).toHaveAttribute('data-settled', 'true');
    const numbers = (await canvas.getAttribute('data-camera')) ?? '';
    const [x, y, zoom, rotation, flipped] = numbers.split(' ').map(Number);
    return { x, y, zoom, rotation, flipped: flipped === 1 };
  }

  /** Waits until the picture stays the same. */
  async settled(): Promise<void> {
    let before = '';
    await expect(async () => {
      const now = (await this.canvas.screenshot()).toString('base64');
      const difference = before === '' ? 255 : await this.difference(before, now);
      before = now;
      expect(difference).toBeLessThanOrEqual(1);
    }).toPass({ intervals: [300], timeout: 30_000 });
  }

  /** The largest difference of two pictures (PNG, base64), in grey levels: Chromium rounds one and the same frame now so, now so. */
  private difference(one: string, other: string): Promise<number> {
    if (one === other) return Promise.resolve(0);
    return this.page.evaluate(async (pictures) => {
      const [a, b] = await Promise.all(
        pictures.map(async (picture) => {
          const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
          const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
          const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
          if (!context) throw new Error('no canvas');
          context.drawImage(bitmap, 0, 0);
          return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
        }),
      );
      if (a.length !== b.length) return 255;
      return a.reduce((most, level, i) => Math.max(most, Math.abs(level - b[i])), 0);
    }, [one, other]);
  }

  /** Moves the cursor to a place on the canvas, as shares of its width and height. */
  async point(x: number, y: number): Promise<void> {
    const box = await this.canvas.boundingBox();
    if (!box) throw new Error('no canvas');
    await this.page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  }

  /** Where the cursor is on the slide, in micrometres, as the screen says. */
  async pointedAt(): Promise<[number, number]> {
    const text = (await this.position.textContent()) ?? '';
    const numbers = [...text.matchAll(/([\d\s.,\u2009\u202f\u00a0]+?)\s*(µm|mm)/g)].map(
      ([, number, unit]) => Number(number.replace(/[^\d.]/g, '')) * (unit === 'mm' ? 1000 : 1),
    );
    if (numbers.length !== 2) throw new Error(`no position in '${text}'`);
    return [numbers[0], numbers[1]];
  }

  async choose(testId: string, value: string): Promise<void> {
    await this.page.getByTestId(testId).selectOption(value);
  }

  /** Drags on the histogram, from and to shares of its width. */
  async brush(from: number, to: number): Promise<void> {
    const surface = this.page.getByTestId('histogram-surface');
    await surface.scrollIntoViewIfNeeded();
    const box = await surface.boundingBox();
    if (!box) throw new Error('no histogram');
    // Below the middle, where the handles' grips are.
    const y = box.y + 0.9 * box.height;
    await this.page.mouse.move(box.x + from * box.width, y);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + ((from + to) / 2) * box.width, y);
    await this.page.mouse.move(box.x + to * box.width, y);
    await this.page.mouse.up();
  }
}
