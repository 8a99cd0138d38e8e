// SPDX-License-Identifier: MIT
import { open, picture } from './browser.mjs';
import { check, same } from './report.mjs';

/** The id, or name, of what has the focus. */
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.className);

export async function keyboardAndPhone() {
    const page = await open();
    await page.keyboard.press('Tab');
    same('the first stop of the tabulator leads past the head', 'skip', await focused(page));
    await page.focus('#search');
    await page.keyboard.type('二寸');
    await page.waitForFunction(() => document.querySelectorAll('#specs label').length < 20);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    check('a document is chosen by keys', (await page.textContent('#spec-facts')).includes('×'));
    await page.keyboard.press('ArrowDown');
    same('arrows go on in the list', 'spec', await focused(page));

    await page.focus('#camera');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#camera-box:not([hidden])');
    await page.waitForFunction(() => document.activeElement.id === 'shoot');
    check('the camera opens with the shutter at hand', true);
    await page.waitForFunction(() => document.querySelector('#viewfinder').videoWidth > 0);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#picture-box:not([hidden])');
    check('the camera is let go', await page.$eval('#viewfinder', (v) => v.srcObject === null || v.srcObject.getTracks().every((t) => t.readyState === 'ended')));
    await page.click('#language');
    same('the other language is one click away', 'en', await page.getAttribute('html', 'lang'));
    check('no Chinese word is left', !/[\u4e00-\u9fff]/.test((await page.innerText('main')).replace(/中文/, '')), await page.innerText('main'));
    await picture(page, '10-english');
    check('nobody else was asked, nothing was refused', page.wrong.length === 0, page.wrong.join('; '));
}
