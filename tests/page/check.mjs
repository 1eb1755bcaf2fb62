// Looks at the pages of lonc-metrics in a real browser: node check.mjs URL DIRECTORY NAME PATH...
//
// For each path, on a desk and on a phone, in light and in dark: axe finds no fault, nothing is wider than the window,
// the browser complains of nothing (so also not that the policy forbade something), and a picture is taken into
// DIRECTORY. Started by `cargo test --test metrics browser`, which has lonc-metrics and its instances there.
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [base, directory, name, ...paths] = process.argv.slice(2);
const checker = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const screens = [
  { width: 1280, height: 900, scheme: 'light' },
  { width: 1280, height: 900, scheme: 'dark' },
  { width: 390, height: 844, scheme: 'light' },
  { width: 390, height: 844, scheme: 'dark' },
];
const profile = mkdtempSync(join(tmpdir(), 'lonc-page-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
const faults = [];
try {
  // Of the largest crowd a part of them: it looks as the others do, and takes longest.
  const some = name === 'peers-500' ? [screens[0], screens[3]] : screens;
  await Promise.all(some.map(async (screen) => {
    for (const path of paths) {
      await look(path, screen);
    }
  }));
  if (name === 'peers-1') {
    await refreshes(paths[0]);
  }
  if (name === 'peers-40') {
    await forDocuments();
  }
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
for (const fault of faults) {
  console.error(fault);
}
process.exit(faults.length ? 1 : 0);

async function look(path, { width, height, scheme }) {
  const page = await browser.newPage();
  const where = `${name}${path} ${width} ${scheme}`;
  page.on('console', (message) => {
    // That a page which is to be missing is missing is no fault.
    if (!message.text().includes('status of 404') || !path.includes('nobody')) {
      faults.push(`${where}: the browser says: ${message.text()}`);
    }
  });
  page.on('pageerror', (fault) => faults.push(`${where}: ${fault}`));
  page.on('dialog', (dialog) => faults.push(`${where}: a script ran: ${dialog.message()}`));
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: scheme });
  const begun = Date.now();
  const separator = path.includes('?') ? '&' : '?';
  await page.goto(`${base}${path}${separator}refresh=off`, { waitUntil: 'load' });
  const took = Date.now() - begun;
  for (const other of [320, 600, 930, 1000, 1150, 1920, width]) {
    await page.setViewportSize({ width: other, height });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) {
      faults.push(`${where}: ${wide} pixels wider than a window of ${other}`);
    }
  }
  const tall = await page.evaluate(() => document.documentElement.scrollHeight);
  const file = `${name}${path.replace(/[^a-z0-9]+/gi, '-').replace(/-$/, '')}-${width}-${scheme}.png`;
  await page.screenshot({ path: join(directory, file), fullPage: tall < 3 * height });
  for (const details of await page.$$('details:not([open]) > summary')) {
    await details.click();
  }
  await page.evaluate(checker);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  for (const violation of found.violations) {
    const nodes = violation.nodes.slice(0, 3).map((node) => `${node.html}: ${node.failureSummary}`);
    faults.push(`${where}: ${violation.id}: ${violation.help}\n  ${nodes.join('\n  ')}`);
  }
  console.log(`${where}: ${took} ms, ${found.passes.length} rules of axe passed`);
  await page.close();
}

// The picture in docs/operating.md.
async function forDocuments() {
  const page = await browser.newPage();
  await page.setViewportSize({ width: 1100, height: 560 });
  await page.goto(`${base}/`);
  await page.screenshot({ path: join(directory, 'status-page.png') });
  await page.close();
}

// A page comes again by itself, and one that is told not to does not.
async function refreshes(path) {
  const page = await browser.newPage();
  let loads = 0;
  page.on('load', () => { loads += 1; });
  // Long enough for the link to be clicked before the page goes.
  await page.goto(`${base}${path}?refresh=8`);
  await page.waitForEvent('load', { timeout: 20_000 });
  await page.click('text=stop refreshing');
  await page.waitForSelector('text=Does not refresh');
  await page.waitForLoadState('load');
  const before = loads;
  await page.waitForTimeout(10_000);
  if (loads > before) {
    faults.push(`${name}${path}: it refreshes though it was told to stop`);
  }
  await page.close();
}
