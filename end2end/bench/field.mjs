// How long it takes from an input to the last sharp pixel of a field of 1920 × 1080 px that was never seen before: our
// viewer against OpenSeadragon, with the same tiles of the same server.
//
//   MARROWSCOPE_CHROMIUM=/usr/bin/chromium node bench/field.mjs http://127.0.0.1:3000 S-0001
//
// Both stand at one slide pixel per screen pixel and jump to the same places, far enough apart to share no tile, in turns
// and in changing order, each round in a fresh browser context (nothing in its caches).
//
// The clock starts right before the input: for ours a pointer that drags the slide there in one movement, for OpenSeadragon
// a call of `panTo(place, immediately)`, which leaves out what it would do with an input. It stops at the first animation
// frame after the one in which the last sharp tile was drawn: then the browser has taken that picture. Ours says by
// `data-settled` that it drew it, OpenSeadragon by `fully-loaded-change`, both within the frame that draws. At the end of a
// round both pictures are compared, so that neither is timed for something else than the picture.

import { readFileSync } from 'node:fs';
import { height, launch, median, newPage, fillWindow, width, zoomToNative } from './browser.mjs';

const [url, code] = process.argv.slice(2);
const rounds = 3;
const jumps = 8;
/** Shaders are compiled and code is warmed in the first ones. */
const leftOut = 2;
/** Before each jump, ms. */
const rest = 400;

const detail = await (await fetch(`${url}/api/v1/slides/${code}`)).json();
const levels = detail.pyramid.levels;
const tileAddress = `/slides/${code}/${detail.summary.version}/tiles`;

/** Places (slide px) of fields that share no tile, spread over the slide, the same in every run. */
function places() {
  const { width: slideWidth, height: slideHeight, tile_width, tile_height } = levels[0];
  const step = (field, tile) => Math.ceil((field + 2 * tile) / tile) * tile;
  const [stepX, stepY] = [step(width, tile_width), step(height, tile_height)];
  const found = [];
  for (let y = stepY; y + stepY < slideHeight; y += stepY) {
    for (let x = stepX; x + stepX < slideWidth; x += stepX) found.push([x, y]);
  }
  // Not one after the other: a jump goes far.
  const stride = Math.max(1, Math.round(found.length * 0.381966) | 1);
  const chosen = Array.from({ length: jumps }, (_, i) => found[(i * stride) % found.length]);
  if (new Set(chosen.map(String)).size < jumps) throw new Error('the slide is too small for so many fields');
  return chosen;
}

async function ours(browser) {
  const page = await newPage(browser);
  await page.goto(`${url}/slides/${code}`);
  await page.waitForSelector('[data-testid="viewer-canvas"][data-settled="true"]');
  await fillWindow(page);
  await zoomToNative(page);
  const jump = ([x, y]) =>
    page.evaluate(
      ([x, y, middleX, middleY]) =>
        new Promise((resolve) => {
          const canvas = document.querySelector('[data-testid="viewer-canvas"]');
          const [centreX, centreY] = canvas.dataset.camera.split(' ').map(Number);
          const pointer = (kind, clientX, clientY) =>
            canvas.dispatchEvent(
              new PointerEvent(kind, { pointerId: 1, button: 0, clientX, clientY, bubbles: true, cancelable: true }),
            );
          pointer('pointerdown', middleX, middleY);
          const drawn = new MutationObserver(() => {
            if (canvas.dataset.settled !== 'true') return;
            drawn.disconnect();
            requestAnimationFrame(() => {
              const took = performance.now() - started;
              // Long after the movement, so that the slide does not glide on.
              setTimeout(() => {
                pointer('pointerup', middleX + centreX - x, middleY + centreY - y);
                resolve(took);
              }, 120);
            });
          });
          drawn.observe(canvas, { attributes: true, attributeFilter: ['data-settled'] });
          const started = performance.now();
          pointer('pointermove', middleX + centreX - x, middleY + centreY - y);
        }),
      [x, y, width / 2, height / 2],
    );
  const pixels = async () => {
    await page.waitForSelector('[data-testid="viewer-canvas"][data-settled="true"]');
    return picture(page);
  };
  return { jump, pixels, end: () => page.context().close() };
}

/** Of its two ways to draw: WebGL, which it takes by itself, and the 2D canvas, which may be quicker without a graphics card. */
async function openSeadragon(browser, drawer) {
  const page = await newPage(browser);
  const script = readFileSync(new URL('../node_modules/openseadragon/build/openseadragon/openseadragon.min.js', import.meta.url), 'utf8');
  // From the server's own address, so that both ask the same server under the same rules.
  await page.route(`${url}/openseadragon`, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><style>body { margin: 0 } #viewer { width: 100vw; height: 100vh }</style><div id="viewer"></div>
        <script>${script}</script>`,
    }),
  );
  await page.goto(`${url}/openseadragon`);
  const version = await page.evaluate(
    async ([levels, tileAddress, drawer]) => {
      const last = levels.length - 1;
      const viewer = (window.viewer = OpenSeadragon({
        element: document.getElementById('viewer'),
        tileSources: {
          width: levels[0].width,
          height: levels[0].height,
          tileWidth: levels[0].tile_width,
          tileHeight: levels[0].tile_height,
          tileOverlap: 0,
          minLevel: 0,
          maxLevel: last,
          getTileUrl: (level, x, y) => `${tileAddress}/${last - level}/${x}/${y}`,
        },
        drawer,
        immediateRender: true,
        animationTime: 0,
        blendTime: 0,
        maxTilesPerFrame: 100,
        showNavigationControl: false,
        maxZoomPixelRatio: 4,
        visibilityRatio: 0,
      }));
      await new Promise((resolve) => viewer.addOnceHandler('open', resolve));
      const item = viewer.world.getItemAt(0);
      const loaded = () => new Promise((resolve) => item.whenFullyLoaded(resolve));
      await loaded();
      viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(1), null, true);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await loaded();
      return `OpenSeadragon ${OpenSeadragon.version.versionStr}, ${item.getDrawer().getType()}`;
    },
    [levels, tileAddress, drawer],
  );
  const jump = (place) =>
    page.evaluate(
      ([x, y]) =>
        new Promise((resolve) => {
          const { viewer } = window;
          const item = viewer.world.getItemAt(0);
          const drawn = ({ fullyLoaded }) => {
            if (!fullyLoaded) return;
            item.removeHandler('fully-loaded-change', drawn);
            requestAnimationFrame(() => resolve(performance.now() - started));
          };
          item.addHandler('fully-loaded-change', drawn);
          const started = performance.now();
          viewer.viewport.panTo(viewer.viewport.imageToViewportCoordinates(x, y), true);
        }),
      place,
    );
  return { jump, version, pixels: () => picture(page), end: () => page.context().close() };
}

/** What is seen in the middle, as PNG in base64: no control of ours lies there. */
async function picture(page) {
  const clip = { x: width / 2 - 300, y: height / 2 - 200, width: 600, height: 400 };
  return (await page.screenshot({ clip })).toString('base64');
}

/** The mean difference of two pictures, and the span of the first, in grey levels. */
async function difference(browser, pictures) {
  const page = await newPage(browser);
  const found = await page.evaluate(async (pictures) => {
    const [a, b] = await Promise.all(
      pictures.map(async (picture) => {
        const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        context.drawImage(bitmap, 0, 0);
        return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
      }),
    );
    const mean = a.reduce((sum, level, i) => sum + Math.abs(level - b[i]), 0) / a.length;
    const [least, most] = a.reduce(([least, most], level) => [Math.min(least, level), Math.max(most, level)], [255, 0]);
    return { mean, span: most - least };
  }, pictures);
  await page.context().close();
  return found;
}

const browser = await launch();
try {
  const found = places();
  const contestants = [
    { name: 'ours', times: [], open: ours },
    { times: [], open: (browser) => openSeadragon(browser, 'webgl') },
    { times: [], open: (browser) => openSeadragon(browser, 'canvas') },
  ];
  for (let round = 0; round < rounds; round++) {
    const pictures = new Map();
    for (const contestant of round % 2 ? contestants.toReversed() : contestants) {
      const viewer = await contestant.open(browser);
      contestant.name ??= viewer.version;
      const taken = [];
      for (const [i, place] of found.entries()) {
        // Nothing of the last jump is still under way.
        await new Promise((resolve) => setTimeout(resolve, rest));
        const took = await viewer.jump(place);
        if (i >= leftOut) contestant.times.push(took);
        // Not while the clock will be read again: a screenshot may leave work behind.
        if (i < leftOut || i === found.length - 1) taken.push(await viewer.pixels());
      }
      pictures.set(contestant, taken);
      await viewer.end();
    }
    let widest = 0;
    const [own, ...others] = contestants.map((contestant) => pictures.get(contestant));
    for (const other of others) {
      for (const [i, picture] of own.entries()) {
        const { mean, span } = await difference(browser, [picture, other[i]]);
        // OpenSeadragon's WebGL shows exactly ours; its 2D canvas is a fraction of a pixel aside, which makes eight of tissue.
        if (!(mean < 12)) throw new Error(`two viewers do not show the same: ${mean} grey levels in the mean`);
        widest = Math.max(widest, span);
      }
    }
    if (widest < 40) throw new Error('no picture shows anything');
  }
  const [own, ...rivals] = contestants.map(({ name, times }) => ({
    name,
    ms: median(times),
    all_ms: times.map((took) => Math.round(took * 10) / 10),
  }));
  console.log(JSON.stringify({ ours: own, rivals }));
} finally {
  await browser.close();
}
