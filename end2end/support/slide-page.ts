// The slide page as a person uses it.

import { expect, type Locator, type Page } from '@playwright/test';

export class SlidePage {
  readonly canvas: Locator;
  readonly toggle: Locator;
  readonly value: Locator;
  readonly position: Locator;

  constructor(readonly page: Page) {
    this.canvas = page.getByTestId('viewer-canvas');
    this.toggle = page.getByTestId('layer-toggle');
    this.value = page.getByTestId('readout-value');
    this.position = page.getByTestId('readout-position');
  }

  async open(code: string): Promise<void> {
    await this.page.goto(`/slides/${code}`);
    await expect(this.page.getByRole('heading', { level: 1 })).toHaveText(code);
    await this.settled();
  }

  /** Waits until the picture stays the same. */
  async settled(): Promise<void> {
    let before = '';
    await expect(async () => {
      const now = (await this.canvas.screenshot()).toString('base64');
      const same = now === before;
      before = now;
      expect(same).toBe(true);
    }).toPass({ intervals: [300], timeout: 30_000 });
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
}
