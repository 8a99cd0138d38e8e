// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { judgeAccess, open, pay, picture, PORTRAIT, scan } from './browser.mjs';
import { check, same } from './report.mjs';

/** Agrees to what the dialog asks. */
export async function consent(page) {
    await page.waitForSelector('#consent[open]');
    await page.check('#consent input[name=policy]');
    await page.check('#consent input[name=face]');
    await page.click('#consent button[value=agree]');
}

/** Document, picture, check, make. */
export async function makes(page, spec = '一寸') {
    await page.fill('#search', spec);
    await page.waitForFunction(() => document.querySelectorAll('#specs label').length < 40);
    await page.check('#specs input >> nth=0');
    await page.setInputFiles('#file', PORTRAIT);
    await page.waitForSelector('#picture-box:not([hidden])');
}

/** The number of the payment that the page began, from its answer. */
export function watchPayment(page) {
    return page.waitForResponse((r) => r.request().method() === 'POST' && /\/payments$/.test(r.url())).then((r) => r.json());
}

/** Pixel size that a JPEG file says it has: the first SOF segment. */
function jpegSize(bytes) {
    let at = 2;
    while (bytes[at] === 0xff) {
        const marker = bytes[at + 1];
        if (marker >= 0xc0 && marker <= 0xc2) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
        at += 2 + bytes.readUInt16BE(at + 2);
    }
    return [];
}

async function downloads(page) {
    const coming = page.waitForEvent('download');
    await page.click('#download');
    const file = await coming;
    return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

export async function buysAFile() {
    const page = await open({ viewport: { width: 1000, height: 900 } });
    await picture(page, '1-start');
    await judgeAccess(page, 'the first sight');
    await makes(page);
    await page.click('#check');
    await judgeAccess(page, 'the consent');
    await picture(page, '2-consent');
    await consent(page);
    await page.waitForSelector('#report:not([hidden])');
    check('the check says something of each measure', (await page.locator('#checks li').count()) >= 10);
    check('what is not good comes with advice',
        await page.$$eval('#checks li', (items) => items.every((li) => li.querySelector('.pass') || li.querySelector('p')?.textContent)));
    await picture(page, '3-report');
    await judgeAccess(page, 'the report');

    await page.check('#backgrounds input >> nth=1');
    await page.click('#make-button');
    await page.waitForSelector('#result:not([hidden])');
    check('the preview is a picture', await page.$eval('#after', async (i) => { await i.decode(); return i.naturalWidth > 50; }));
    await picture(page, '4-made');
    await judgeAccess(page, 'the result');

    const payment = watchPayment(page);
    await page.click('#order-button');
    same('without the tick nothing is ordered', '请填写或勾选标出的项目。', await page.textContent('#trouble'));
    await page.check('input[name=accepts_no_refund]');
    await page.click('#order-button');
    const { out_trade_no: number, client } = await payment;
    await page.waitForSelector('#qr:not([hidden])');
    same('the QR code is what WeChat gave', client.code_url, await scan(page, '#qr'));
    await picture(page, '5-pay');
    same('the person pays', 'paid', (await pay(number)).state);
    await page.waitForSelector('#download:not([disabled])');
    check('the page says until when it is kept', /\d/.test(await page.textContent('#kept')));
    await picture(page, '6-paid');
    await judgeAccess(page, 'the end');

    const single = await downloads(page);
    same('the file is the photo in one-inch pixels', '295x413', jpegSize(single.bytes).join('x'));
    await page.selectOption('#layout', '4R');
    const print = await downloads(page);
    check('the sheet is larger than the photo', jpegSize(print.bytes)[0] > 4 * 295, jpegSize(print.bytes));
    await page.selectOption('#format', 'pdf');
    const sheet = await downloads(page);
    check('the sheet is a PDF', sheet.bytes.subarray(0, 5).toString() === '%PDF-' && sheet.name.endsWith('.pdf'));

    await page.click('#delete-photo');
    await page.waitForFunction(() => document.querySelector('#status').textContent === '照片已删除。');
    await page.click('#delete-all');
    await page.waitForFunction(() => document.querySelector('#status').textContent.includes('全部删除'));
    check('the token is gone', (await page.evaluate(() => sessionStorage.length)) === 0);
    check('nobody else was asked, nothing was refused', page.wrong.length === 0, page.wrong.join('; '));
}
