import { models as planned, patients } from '../support/environment';
import { expect, test } from '../support/test';

test('the page is up while the first run works, and what it ends with is honest', async ({ page, request }) => {
  test.setTimeout(20 * 60_000);
  await page.goto('/');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Slides');
  await expect(page.getByText('For research and teaching only, not for diagnosis').first()).toBeVisible();
  await expect(page.locator('#progress')).toBeVisible();
  await page.screenshot({ path: 'test-results/first-run.png' });

  await expect(async () => {
    const slides = await (await request.get('/api/v1/slides')).json();
    expect(slides.filter((slide: { models: number }) => slide.models === planned)).toHaveLength(patients + 1);
  }).toPass({ intervals: [2_000], timeout: 19 * 60_000 });
  // Without a reload.
  await expect(page.locator('#progress')).toBeHidden();
  await expect(page.locator('a[href^="/slides/PH-"]')).toHaveCount(patients);

  // Out of fold, over patients: every number with its n and its interval. What has a sign is learnt, what has none falls
  // as it falls.
  const models = await (await request.get('/api/v1/models')).json();
  expect(models).toHaveLength(planned);
  for (const model of models) {
    for (const target of model.targets) {
      const { positives, negatives, auroc } = target.evaluation;
      console.log(`${model.title}: ${target.title} AUROC ${auroc.estimate} (${auroc.low} to ${auroc.high}), n+ ${positives}, n- ${negatives}`);
      expect(positives + negatives).toBe(patients);
      expect(Math.min(positives, negatives)).toBeGreaterThan(10);
      expect(auroc.low).toBeLessThanOrEqual(auroc.estimate);
      expect(auroc.high).toBeGreaterThanOrEqual(auroc.estimate);
      // What the tiles' colours alone give away is chance here; every other model is shown against it.
      const beyond = target.evaluation.beyond_colour;
      if (model.key === 'colour-1') {
        expect(auroc.low, target.title).toBeLessThan(0.5);
        expect(beyond).toBeNull();
      } else {
        if (target.sign.kind !== 'null') expect(auroc.low, target.title).toBeGreaterThan(0.5);
        expect(beyond.difference.low).toBeLessThan(beyond.difference.estimate);
        expect(beyond.difference.high).toBeGreaterThan(beyond.difference.estimate);
      }
      expect(target.sign.text.length).toBeGreaterThan(10);
    }
  }
});
