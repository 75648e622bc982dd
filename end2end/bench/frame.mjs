// What a frame costs the page's main thread while the slide is panned under two layers of 100,000 tiles each, and whether
// another colour map and another threshold are drawn in the next frame without a request.
//
//   MARROWSCOPE_CHROMIUM=/usr/bin/chromium node bench/frame.mjs http://127.0.0.1:3000 S-0001
//
// No slide here has so many tiles: the page is told of a made grid, of two targets on it, and of their terms, by answers
// put in the place of the server's (`/fn/slide` and `/slides/…/terms/…`); it does with them what it does with real ones.
//
// A pan is one pointer that moves 8 px before each frame, for three seconds. Counted is all that Chromium's main thread
// does meanwhile (CDP `Performance.getMetrics`, `TaskDuration`: events, our code, style, layout, paint and the browser's own
// work, also what this script adds) divided by the frames, in the same pan by two clocks: `cpu` is the time for which the
// thread had a processor (`threadTicks`), `wall` the time that passed (`timeTicks`), which runs on while the thread waits for
// one. Drawing in software happens in another process, which on a small machine holds all processors and draws fewer frames
// than a screen shows: there the two differ. Of our code alone there are the median, the 95th percentile and the longest of a
// frame's event and animation callbacks, by the clock on the wall, the only one that a page has. `idle` is what a frame costs
// while nothing moves.

import { fillWindow, height, launch, median, newPage, width, zoomToNative } from './browser.mjs';

const [url, code] = process.argv.slice(2);
const columns = 317;
const tiles = columns * columns;
const panFor = 3000;
const stepPx = 8;

// How the page is told to show one layer, and then another over it.
const firstLayer = '[data-testid="layer-toggle"]';
const secondLayer = '[data-testid="layer-add"]';
const colours = 'select[data-testid="layer-colour-map"]';
const threshold = 'input[data-testid="histogram-low"]';

const detail = await (await fetch(`${url}/api/v1/slides/${code}`)).json();
const { width: slideWidth, height: slideHeight } = detail.pyramid.levels[0];

function madeDetail() {
  const [stepX, stepY] = [slideWidth / columns, slideHeight / columns];
  const grid = {
    origin_x: 0, origin_y: 0, step_x: stepX, step_y: stepY, size_x: stepX, size_y: stepY, columns, rows: columns,
    present: Array.from({ length: tiles }, (_, i) => i),
  };
  const target = (key, title) => ({
    key, title, kind: 'gene', sign: null, observation: null,
    evaluation: { positives: 20, negatives: 28, auroc: { estimate: 0.8, low: 0.7, high: 0.9 } },
    prediction: { score: 0, probability: 0.5, spread: null, probability_spread: null },
    readouts: [{ offset: 0, reference: 0, mean: 0, sd: 1, scale: 'logit' }],
  });
  const model = {
    key: 'bench', title: 'Bench', predictor: 'none', encoder: 'none',
    training_cohort: { key: 'bench', title: 'Bench', synthetic: true }, training_patients: 48, terms_version: 'bench',
    in_training_cohort: false, entitled_models: 1, targets: [target('one', 'ONE'), target('two', 'TWO')],
  };
  return {
    ...detail,
    summary: { ...detail.summary, tiles, encoded: true, models: 1 },
    spots: detail.spots.map((spot) => ({ ...spot, grid })),
    models: [model],
  };
}

/** Per tile the weight logit e and the value v: smooth, and different for each target. */
function madeTerms(target) {
  const numbers = new Float32Array(2 * tiles);
  const turn = target === 'one' ? 0 : 1;
  for (let i = 0; i < tiles; i++) {
    numbers[2 * i] = Math.sin(i / 50 + turn);
    numbers[2 * i + 1] = Math.cos((i % columns) / 20 + turn);
  }
  return Buffer.from(numbers.buffer);
}

/** Runs in the page before its own code: counts what its callbacks take, frame by frame, and when it draws. */
function watch() {
  const frames = (window.frameTimes = []);
  let inFrame = 0;
  window.addToFrame = (took) => (inFrame += took);
  window.draws = 0;
  const own = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) =>
    own((time) => {
      const started = performance.now();
      callback(time);
      inFrame += performance.now() - started;
    });
  window.unwatchedFrame = own;
  const count = () => {
    frames.push(inFrame);
    inFrame = 0;
    own(count);
  };
  own(count);
  for (const name of ['drawArrays', 'drawArraysInstanced', 'drawElements', 'drawElementsInstanced']) {
    const draw = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...args) {
      window.draws += 1;
      return draw.apply(this, args);
    };
  }
}

const settled = (page) => page.waitForSelector('[data-testid="viewer-canvas"][data-settled="true"]');

async function open(browser) {
  const page = await newPage(browser);
  await page.addInitScript(watch);
  await page.route('**/fn/slide?*', (route) => route.fulfill({ json: madeDetail() }));
  const asked = new Set();
  await page.route('**/slides/*/terms/**', (route) => {
    const target = route.request().url().split('/').at(-2);
    asked.add(target);
    return route.fulfill({ contentType: 'application/octet-stream', body: madeTerms(target) });
  });
  // From the list: then the page asks for what it shows, instead of finding it in the document.
  await page.goto(url);
  await page.locator(`.card__link[href="/slides/${code}"]`).click();
  await settled(page);
  await page.locator(firstLayer).first().check();
  await page.locator(secondLayer).first().click();
  const layers = 2;
  await fillWindow(page);
  await zoomToNative(page);
  if (asked.size < layers) throw new Error('the page shows fewer layers than it was asked for');
  return { page, layers };
}

/** What the main thread has done so far by the clock of a session, ms: all of it, and of that our code, style and layout. */
async function taskMillis(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  const millis = (name) => 1000 * metrics.find((metric) => metric.name === name).value;
  return { all: millis('TaskDuration'), script: millis('ScriptDuration'), style: millis('RecalcStyleDuration'), layout: millis('LayoutDuration') };
}

/** What it has done by both clocks. */
async function spent({ cpu, wall }) {
  return { cpu: await taskMillis(cpu), wall: await taskMillis(wall) };
}

/** What a frame cost between two such answers. */
function perFrame(before, after, frames) {
  return Object.fromEntries(Object.keys(before).map((name) => [name, (after[name] - before[name]) / frames]));
}

/** The page's main thread by two clocks: each session has its own. */
async function clocks(page) {
  const clock = async (timeDomain) => {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain });
    return session;
  };
  return { cpu: await clock('threadTicks'), wall: await clock('timeTicks') };
}

/** Pans, or only waits as long. */
async function pan(page, clocks, isMoving) {
  const before = await spent(clocks);
  const frames = await page.evaluate(
    ([panFor, stepPx, middleX, middleY, isMoving]) =>
      new Promise((resolve) => {
        const canvas = document.querySelector('[data-testid="viewer-canvas"]');
        const pointer = (kind, clientX) => {
          const started = performance.now();
          canvas.dispatchEvent(
            new PointerEvent(kind, { pointerId: 1, button: 0, clientX, clientY: middleY, bubbles: true, cancelable: true }),
          );
          window.addToFrame(performance.now() - started);
        };
        if (isMoving) pointer('pointerdown', middleX);
        const first = window.frameTimes.length;
        const started = performance.now();
        let x = middleX;
        const next = () => {
          if (performance.now() - started > panFor) {
            const times = window.frameTimes.slice(first + 1);
            // Rests before letting go, so that the slide does not glide on.
            setTimeout(() => {
              if (isMoving) pointer('pointerup', x);
              resolve(times);
            }, 150);
            return;
          }
          x -= stepPx;
          if (isMoving) pointer('pointermove', x);
          window.unwatchedFrame(next);
        };
        window.unwatchedFrame(next);
      }),
    [panFor, stepPx, width / 2, height / 2, isMoving],
  );
  const after = await spent(clocks);
  return {
    frames,
    cpu: perFrame(before.cpu, after.cpu, frames.length),
    wall: perFrame(before.wall, after.wall, frames.length),
  };
}

/** Frames until a change of a control is drawn, and the requests that it makes. */
async function redraw(page, control) {
  const requests = [];
  // The browser itself asks for the page's icon again whenever the address changes.
  const note = (request) => request.url().endsWith('/favicon.svg') || requests.push(request.url());
  page.on('request', note);
  const frames = await page.evaluate(
    (selector) =>
      new Promise((resolve, reject) => {
        const control = document.querySelector(selector);
        const isList = control instanceof HTMLSelectElement;
        if (isList) control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
        else control.value = Number(control.value) + (control.max - control.min) / 10;
        const before = window.draws;
        control.dispatchEvent(new Event(isList ? 'change' : 'input', { bubbles: true }));
        let frames = 0;
        const next = () => {
          frames += 1;
          // Whoever draws in this frame may come after us.
          setTimeout(() => {
            if (window.draws > before) resolve(frames);
            else if (frames > 60) reject(new Error('the change is not drawn'));
            else window.unwatchedFrame(next);
          });
        };
        window.unwatchedFrame(next);
      }),
    control,
  );
  await page.waitForTimeout(300);
  page.off('request', note);
  return { frames, requests: requests.length };
}

const browser = await launch();
try {
  const { page, layers } = await open(browser);
  const mainThread = await clocks(page);
  await pan(page, mainThread, true);
  await settled(page);
  const still = await pan(page, mainThread, false);
  const moved = await pan(page, mainThread, true);
  await settled(page);
  const own = [...moved.frames].sort((a, b) => a - b);
  const mostOf = async (control) => {
    const changes = [];
    for (let i = 0; i < 3; i++) changes.push(await redraw(page, control));
    const most = (figure) => Math.max(...changes.map((change) => change[figure]));
    return { frames: most('frames'), requests: most('requests') };
  };
  const result = {
    layers,
    tiles,
    frames: moved.frames.length,
    main_thread_cpu_ms: moved.cpu.all,
    main_thread_wall_ms: moved.wall.all,
    cpu: moved.cpu,
    cpu_idle: still.cpu,
    wall_idle: still.wall,
    own_p50_ms: median(own),
    own_p95_ms: own[Math.floor(own.length * 0.95)],
    own_most_ms: own.at(-1),
    colours: await mostOf(colours),
    threshold: await mostOf(threshold),
  };
  console.error(`  ${JSON.stringify(result)}`);
  console.log(JSON.stringify(result));
} finally {
  await browser.close();
}
