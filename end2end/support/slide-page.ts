// The slide page as a person uses it.

import { expect, type Locator, type Page } from '@playwright/test';
import { Picture } from './picture';

/** What the viewer shows: the middle in slide px, screen px per slide px, degrees clockwise. */
export interface View { x: number; y: number; zoom: number; rotation: number; flipped: boolean }

/** The point of the slide, px, at a place on the canvas, px from its middle. */
export function slideAt(view: View, right: number, down: number): [number, number] {
  const angle = (view.rotation * Math.PI) / 180;
  const x = right * Math.cos(angle) + down * Math.sin(angle);
  const y = down * Math.cos(angle) - right * Math.sin(angle);
  return [view.x + (view.flipped ? -x : x) / view.zoom, view.y + y / view.zoom];
}

/** Two views that nobody can tell apart. */
export function expectSame(view: View, other: View): void {
  expect(Math.hypot(view.x - other.x, view.y - other.y) * view.zoom).toBeLessThan(1);
  expect(view.zoom / other.zoom).toBeCloseTo(1, 4);
  expect(view.rotation).toBeCloseTo(other.rotation, 1);
  expect(view.flipped).toBe(other.flipped);
}

export class SlidePage {
  readonly canvas: Locator;
  readonly toggle: Locator;
  readonly value: Locator;
  readonly position: Locator;

  constructor(readonly page: Page) {
    this.canvas = page.getByTestId('viewer-canvas').first();
    this.toggle = page.getByTestId('layer-toggle');
    this.value = page.getByTestId('readout-value');
    this.position = page.getByTestId('position-um').first();
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

  /** What it shows after a key. */
  async press(key: string): Promise<View> {
    await this.canvas.press(key);
    return this.view();
  }

  /** The canvas with what lies over it, once what was set up is drawn. */
  async picture(): Promise<Picture> {
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return Picture.read(await this.canvas.screenshot());
  }

  /** Waits until the picture stays the same, but for a level: Chromium rounds one and the same frame now so, now so. */
  async settled(): Promise<void> {
    let before: Picture | null = null;
    await expect(async () => {
      const now = await this.picture();
      const difference = before?.difference(now) ?? 255;
      before = now;
      expect(difference).toBeLessThanOrEqual(1);
    }).toPass({ intervals: [300], timeout: 30_000 });
  }

  /** Where the canvas is on the page. */
  async box(): Promise<{ x: number; y: number; width: number; height: number }> {
    const box = await this.canvas.boundingBox();
    if (!box) throw new Error('no canvas');
    return box;
  }

  /** Moves the cursor to a place on the canvas, as shares of its width and height. */
  async point(x: number, y: number): Promise<void> {
    const box = await this.box();
    await this.page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  }

  /** Where the cursor is on the slide, in micrometres, as the screen says. */
  async pointedAt(): Promise<[number, number]> {
    const text = (await this.position.textContent()) ?? '';
    const numbers = [...text.matchAll(/[xy] (\u2212?)([\d,]+\.\d)/g)].map(
      ([, sign, number]) => Number(number.replaceAll(',', '')) * (sign ? -1 : 1),
    );
    if (numbers.length !== 2) throw new Error(`no position in '${text}'`);
    return [numbers[0], numbers[1]];
  }

  /** Drags to the right of the middle of a canvas, by px at ms after the press: with times of its own, however slow the machine is. */
  async drag(way: { right: number; millis: number }[], releasedAt: number): Promise<void> {
    const box = await this.box();
    const session = await this.page.context().newCDPSession(this.page);
    const pressed = Date.now() / 1000 - 1;
    const mouse = (type: 'mousePressed' | 'mouseMoved' | 'mouseReleased', right: number, millis: number) =>
      session.send('Input.dispatchMouseEvent', {
        type, x: Math.round(box.x + box.width / 2) + right, y: Math.round(box.y + box.height / 2), button: 'left',
        buttons: type === 'mouseReleased' ? 0 : 1, clickCount: 1, timestamp: pressed + millis / 1000,
      });
    const last = way[way.length - 1].right;
    await Promise.all([mouse('mousePressed', 0, 0), ...way.map(({ right, millis }) => mouse('mouseMoved', right, millis)), mouse('mouseReleased', last, releasedAt)]);
    await session.detach();
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
