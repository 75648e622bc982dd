// What `cargo xtask e2e` tells the tests.

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with \`cargo xtask e2e\``);
  return value;
}

export const chromium = needed('MARROWSCOPE_CHROMIUM');
export const server = needed('MARROWSCOPE_SERVER');
export const siteDir = needed('MARROWSCOPE_SITE_DIR');
export const assets = needed('MARROWSCOPE_ASSETS');

/** The slide with known marks: its file, and where they are. */
export const golden: { file: string; places: { marks: [number, number][]; mark_px: number } } = JSON.parse(needed('MARROWSCOPE_GOLDEN'));

/** Patients of the synthetic cohort, as every first run draws them. */
export const patients = 48;

/** Models that every first run trains: two of attention, mean pooling, colour only. */
export const models = 4;
