// The pages of a run and of a comparison in a browser: PAGES names their files, separated by ':'.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { accessSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const pages = (process.env.PAGES ?? '').split(':').filter(Boolean);
const browsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const executablePath = browsers.find((path) => {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
});

assert.ok(pages.length, 'PAGES names no page');
assert.ok(executablePath, `no browser: none of ${browsers.join(', ')}`);

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
after(() => browser.close());

// Opens a page, gives it to a check, and fails on whatever the browser complains of.
const opened = async (file, options, check) => {
  const page = await browser.newPage(options);
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) faults.push(`asks for ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  await check(page);
  assert.deepEqual(faults, []);
  await page.close();
};

// How many boxes are too small for what they hold.
const cut = (page, boxes) =>
  page.locator(boxes).evaluateAll((all) =>
    all.filter((box) => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1).length);

const column = (table, index) =>
  table.evaluate((t, i) => [...t.tBodies[0].rows].map((r) => r.cells[i].textContent.trim()), index);

for (const file of pages) {
  describe(file, () => {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 780, 360]) {
        test(`${colorScheme}, ${width} px: accessible, and no wider than the screen`, () =>
          opened(file, { colorScheme, viewport: { width, height: 800 } }, async (page) => {
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= width, `${wide} px`);
            assert.equal(await cut(page, '.overview'), 0);
            await page.addScriptTag({ path: axe });
            const { violations } = await page.evaluate(() => window.axe.run());
            const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
            const told = serious.map((v) => `${v.id}: ${v.nodes[0].html} (${v.nodes.length} times)`);
            assert.deepEqual(told, []);
          }));
      }
    }

    test('dark mode is dark, charts included', () =>
      opened(file, { colorScheme: 'dark' }, async (page) => {
        const light = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, c) => sum + Number(c), 0);
        const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.ok(light(ground) < 150, ground);
        const paper = page.locator('svg.chart rect').first();
        const fill = await paper.evaluate((rect) => getComputedStyle(rect).fill);
        assert.ok(light(fill) < 150, fill);
      }));

    test('on paper all is light, whole, and without controls', () =>
      opened(file, { colorScheme: 'dark', viewport: { width: 710, height: 1000 } }, async (page) => {
        await page.emulateMedia({ media: 'print' });
        const fill = (svg) => getComputedStyle(svg.querySelector('rect')).fill;
        assert.equal(await page.locator('svg.chart').first().evaluate(fill), 'rgb(255, 255, 255)');
        assert.equal(await page.locator('nav:visible, .filter:visible').count(), 0);
        assert.equal(await cut(page, '.canvas, .scroll, .overview'), 0);
        // Chromium repeats no head with boxes in it.
        const display = (button) => getComputedStyle(button).display;
        assert.equal(await page.locator('thead button').first().evaluate(display), 'contents');
      }));

    test('without script everything is there', () =>
      opened(file, { javaScriptEnabled: false }, async (page) => {
        assert.ok((await page.locator('table tbody tr').count()) > 0);
        assert.ok((await page.locator('svg.chart').count()) > 0);
        assert.equal(await page.locator('thead button').count(), 0);
      }));

    test('tables sort by what numbers mean, both ways', () =>
      opened(file, {}, async (page) => {
        const head = page.locator('th', { hasText: /^(Median|Run)$/ }).and(page.locator('.n')).first();
        const table = head.locator('xpath=ancestor::table');
        const index = await head.evaluate((h) => h.cellIndex);
        const scale = { s: 1, ms: 1e-3, µs: 1e-6, ns: 1e-9 };
        const seconds = (text) => {
          const [number, unit] = text.split(' ');
          return Number(number) * scale[unit];
        };
        const before = await column(table, index);
        await head.locator('button').click();
        const up = await column(table, index);
        assert.equal(await head.getAttribute('aria-sort'), 'ascending');
        assert.deepEqual(up.map(seconds), before.map(seconds).sort((a, b) => a - b));
        // By keyboard.
        await head.locator('button').focus();
        await page.keyboard.press('Enter');
        assert.equal(await head.getAttribute('aria-sort'), 'descending');
        const down = await column(table, index);
        assert.deepEqual(down.map(seconds), before.map(seconds).sort((a, b) => b - a));
      }));

    test('tables filter by all words', () =>
      opened(file, {}, async (page) => {
        const input = page.locator('.filter input').last();
        const table = page.locator('.filter + .scroll table').last();
        const all = await table.locator('tbody tr').count();
        const word = (await table.locator('tbody tr').nth(0).locator('th').textContent()).trim();
        await input.fill(word);
        const shown = await table.locator('tbody tr:visible').count();
        assert.ok(shown > 0 && shown < all, `${shown} of ${all}`);
        assert.equal(await page.locator('.filter output').last().textContent(), `${shown} of ${all} rows`);
        await input.fill(`${word} nothing-is-called-so`);
        assert.equal(await table.locator('tbody tr:visible').count(), 0);
        await input.fill('');
        assert.equal(await table.locator('tbody tr:visible').count(), all);
      }));
  });
}
