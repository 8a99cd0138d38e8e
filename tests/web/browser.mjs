// SPDX-License-Identifier: MIT
// A person with a browser: pages, what they ask of whom, pictures of them.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { check } from './report.mjs';

const require = createRequire(`${process.env.MODULES}/`);
const { chromium } = require('playwright-core');
const jsqr = require('jsqr');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const { API, SANDBOX, PORTRAIT, NOBODY, SCREENSHOTS } = process.env;

const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
});
export const closeBrowser = () => browser.close();

/** A tab of its own, with what went wrong in it: foreign requests, refused parts, errors. */
export async function open(options) {
    const context = await browser.newContext({ locale: 'zh-CN', acceptDownloads: true, permissions: ['camera'], ...options });
    const page = await context.newPage();
    page.wrong = [];
    page.setDefaultTimeout(30000);
    page.on('console', (message) => {
        // the browser's own line about an answer of 4xx
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) page.wrong.push(message.text());
    });
    page.on('pageerror', (error) => page.wrong.push(error.message));
    page.on('request', (request) => {
        if (!request.url().startsWith(`${API}/`) && !request.url().startsWith('blob:')) page.wrong.push(`asked ${request.url()}`);
    });
    page.on('dialog', (dialog) => dialog.accept());
    await page.goto(`${API}/`);
    await page.waitForSelector('#specs input');
    return page;
}

export const picture = (page, name) => page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });

/** No rule of WCAG 2.1 A and AA that axe can judge is broken. */
export async function judgeAccess(page, where) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
    check(`axe has nothing to say about ${where}`, violations.length === 0,
        violations.map((v) => `${v.id} (${v.nodes.map((n) => n.target).join(' ')})`).join('; '));
}

/** What a phone reads from the QR code on the page. */
export async function scan(page, selector) {
    const { data, side } = await page.$eval(selector, async (image) => {
        await image.decode();
        const side = 400;
        const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
        canvas.getContext('2d').drawImage(image, 0, 0, side, side);
        return { data: Array.from(canvas.getContext('2d').getImageData(0, 0, side, side).data), side };
    });
    return (jsqr.default ?? jsqr)(Uint8ClampedArray.from(data), side, side)?.data;
}

/** Somebody pays what was scanned or opened. */
export async function pay(outTradeNo) {
    const answer = await fetch(`${SANDBOX}/sandbox/pay`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ out_trade_no: outTradeNo }),
    });
    return answer.json();
}
