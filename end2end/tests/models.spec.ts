// What the models have learnt: the table of targets, and the page of each with its plots and files.

import { readFileSync } from 'node:fs';
import { models as planned } from '../support/environment';
import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../support/test';

interface Interval { estimate: number; low: number; high: number }
interface Target { key: string; title: string; evaluation: { positives: number; negatives: number; auroc: Interval; beyond_colour: { difference: Interval } | null } }

test('the targets of a model are ordered by any column and told with what is doubtful', async ({ page, request }) => {
  const models = await (await request.get('/api/v1/models')).json();
  await page.goto('/models');
  const choice = page.getByRole('group', { name: 'Model' }).getByRole('button');
  await expect(choice).toHaveText(models.map((model: { title: string }) => model.title));
  await expect(choice).toHaveCount(planned);
  await expect(choice.first()).toHaveAttribute('aria-pressed', 'true');

  const targets: Target[] = models[0].targets;
  const names = () => page.getByTestId('targets').locator('tbody th').allTextContents();
  await expect.poll(names).toEqual(targets.map((target) => target.title));
  const best = [...targets].sort((one, other) => other.evaluation.auroc.estimate - one.evaluation.auroc.estimate);
  const head = page.getByRole('button', { name: 'AUROC (95 %)' });
  await head.click();
  await expect.poll(names).toEqual(best.map((target) => target.title));
  await expect(page.getByRole('columnheader', { name: 'AUROC' })).toHaveAttribute('aria-sort', 'descending');
  await head.click();
  await expect.poll(names).toEqual(best.reverse().map((target) => target.title));

  // The target without a sign is doubted in every model.
  for (const model of models) {
    await choice.filter({ hasText: model.title }).click();
    const row = page.getByTestId('targets').getByRole('row').filter({ hasText: 'none planted' });
    await expect(row).toContainText('may be chance');
    const { positives, negatives } = model.targets[2].evaluation;
    await expect(row).toContainText(`${positives} / ${negatives}`);
  }
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);
});

test('the page of a target has plots that lead to slides and come as files', async ({ page, request }) => {
  await page.goto('/models');
  await page.getByRole('link', { name: 'del(5q)' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('del(5q)');
  await expect(page).toHaveURL(/\/models\/attention-1\/del5q$/);
  const plots = page.locator('figure.plot');
  await expect(plots.locator('figcaption')).toHaveText(['ROC', 'Precision and recall', 'Calibration', 'Every patient', 'Allele frequency']);
  await expect(page.getByRole('heading', { name: 'Where each number comes from' })).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });

  // The numbers behind the curve have the area that the table states.
  const base = '/api/v1/models/attention-1/targets/del5q/plots';
  const csv = await (await request.get(`${base}/roc.csv`)).text();
  const rows = csv.trim().split('\r\n').map((line) => line.split(','));
  const curve = rows.filter(([series]) => series.startsWith('Gated attention') || series.startsWith('"Gated attention')).map((row) => row.slice(-5, -3).map(Number));
  let area = 0;
  for (let i = 1; i < curve.length; i++) area += ((curve[i][0] - curve[i - 1][0]) * (curve[i][1] + curve[i - 1][1])) / 2;
  const models = await (await request.get('/api/v1/models')).json();
  const told: Target = models.find((model: { key: string }) => model.key === 'attention-1').targets.find((target: Target) => target.key === 'del5q');
  expect(area).toBeCloseTo(told.evaluation.auroc.estimate, 6);

  const svg = await request.get(`${base}/calibration.svg`);
  expect(svg.headers()['content-type']).toBe('image/svg+xml');
  expect(await svg.text()).toMatch(/^<svg[^]*<\/svg>\s*$/);
  for (const missing of ['roc.gif', 'nothing.svg', 'roc']) expect((await request.get(`${base}/${missing}`)).status()).toBe(404);
  expect((await request.get('/api/v1/models/attention-1/targets/nothing/plots/roc.svg')).status()).toBe(404);

  const [file] = await Promise.all([page.waitForEvent('download'), plots.first().getByRole('button', { name: 'PNG' }).click()]);
  expect(file.suggestedFilename()).toBe('roc.png');
  expect(readFileSync(await file.path()).subarray(1, 4).toString()).toBe('PNG');

  // Every patient is a point and an entry of the list; both lead to the slide.
  const patients = plots.filter({ hasText: 'Every patient' });
  await patients.getByText('As a list').click();
  await expectAccessible(page);
  const entries = patients.getByRole('link', { name: /^P-\d{4}, probability/ });
  await expect(entries).toHaveCount(told.evaluation.positives + told.evaluation.negatives);
  await expect(patients.locator('.plot__dot')).toHaveCount(await entries.count());
  const code = (await entries.first().getAttribute('href'))!;
  expect(code).toMatch(/^\/slides\/PH-\d{4}$/);
  await entries.first().click();
  await expect(page).toHaveURL(new RegExp(`${code}`));
  await page.goBack();
  const dot = patients.locator('.plot__dot').last();
  const other = (await dot.getAttribute('href'))!;
  await dot.click();
  await expect(page).toHaveURL(new RegExp(`${other}`));
});

test.describe('what is not there', () => {
  test.use({ expectedComplaints: /404/ });

  test('a target that a model does not have is told as a page', async ({ page, request }) => {
    const answer = await request.get('/models/attention-1/NOPE', { headers: { accept: 'text/html' } });
    expect(answer.status()).toBe(404);
    await page.goto('/models/attention-1/NOPE');
    await expect(page.getByRole('alert')).toContainText("Model 'attention-1' has no target 'NOPE'.");
    await expectAccessible(page);
  });
});
