// Starts the real server on a data folder of its own; ends it after the last test and looks at its log.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assets, server, siteDir } from './environment';

export default async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'marrowscope-e2e-'));
  const data = join(folder, 'data');
  const log = join(folder, 'log');
  const child = spawn(
    server,
    ['--data-dir', data, '--assets-dir', assets, '--site-dir', siteDir, '--listen', '127.0.0.1:0', '--device', 'cpu'],
    { stdio: ['ignore', 'ignore', openSync(log, 'w')], env: { ...process.env, DATABASE_URL: undefined } },
  );
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const contact = join(data, 'server.json');
  const started = Date.now();
  while (!existsSync(contact)) {
    if (child.exitCode !== null || Date.now() - started > 60_000) {
      throw new Error(`the server did not start:\n${readFileSync(log, 'utf8')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  process.env.MARROWSCOPE_DATA = data;
  process.env.MARROWSCOPE_URL = `http://${JSON.parse(readFileSync(contact, 'utf8')).address}`;

  return async () => {
    child.kill('SIGTERM');
    const status = await ended;
    const said = readFileSync(log, 'utf8');
    rmSync(folder, { recursive: true, force: true });
    // The log of a good run is clean.
    const bad = said.split('\n').filter((line) => /\b(WARN|ERROR)\b|panicked/.test(line));
    if (status !== 0 || bad.length > 0) {
      throw new Error(`the server ended with ${status}; its log complains:\n${bad.join('\n')}`);
    }
  };
}
