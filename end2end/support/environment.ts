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

/** MARROWSCOPE_FULL=1 runs the whole first run, as a person has it; else a small one, which takes a minute. */
export const full = process.env.MARROWSCOPE_FULL === '1';
export const patients = full ? 48 : 12;
