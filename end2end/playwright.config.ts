import { defineConfig } from '@playwright/test';
import { chromium } from './support/environment';

// One server for all tests, one browser at a time: the machine has two cores, and the server works on both.
export default defineConfig({
  testDir: './tests',
  globalSetup: './support/server.ts',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 800 },
    // Without a graphics card a turning sign costs the server half of its processor.
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      executablePath: chromium,
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--use-angle=swiftshader',
        '--enable-unsafe-swiftshader',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
    trace: 'retain-on-failure',
  },
  projects: [
    { name: 'first run', testMatch: 'first-run.spec.ts' },
    {
      name: 'light',
      testMatch: ['list', 'slide', 'view', 'models', 'parts', 'instruments', 'access', 'failures', 'gestures', 'keys', 'layers', 'toolbar'].map((name) => `${name}.spec.ts`),
      dependencies: ['first run'],
      use: { colorScheme: 'light' },
    },
    {
      name: 'dark',
      testMatch: ['list', 'models', 'slide', 'access'].map((name) => `${name}.spec.ts`),
      dependencies: ['first run'],
      use: { colorScheme: 'dark' },
    },
    { name: 'pixels', testMatch: ['pixels.spec.ts', 'deepzoom.spec.ts', 'golden.spec.ts'], dependencies: ['first run'] },
  ],
});
