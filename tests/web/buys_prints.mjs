// SPDX-License-Identifier: MIT
import { open, pay, picture } from './browser.mjs';
import { consent, makes, watchPayment } from './buys_file.mjs';
import { check, same } from './report.mjs';

const recipient = { name: '王小明', phone: '13912345678', province: '浙江省', city: '杭州市', district: '西湖区', street: '文三路 90 号' };

export async function buysPrints() {
    const page = await open({ locale: 'en-GB', viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
    same('a browser that speaks English is answered in it', 'en', await page.getAttribute('html', 'lang'));
    await makes(page, 'one inch');
    await page.click('#make-button');
    await consent(page);
    await page.waitForSelector('#result:not([hidden])');
    check('nothing is wider than the phone', await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.check('input[name=product][value^=print]');
    for (const [name, value] of Object.entries(recipient)) await page.fill(`#recipient input[name=${name}]`, value);
    await page.check('input[name=print-mailing]');
    await page.check('input[name=channel][value=alipay]');
    await picture(page, '7-phone-order');
    const payment = watchPayment(page);
    await page.click('#order-button');
    const { out_trade_no: number, client } = await payment;
    await page.waitForSelector('#pay-link:not([hidden])');
    same('the link leads to the cashier', client.url, await page.getAttribute('#pay-link', 'href'));
    await picture(page, '8-phone-pay');
    // The link opens the cashier in a tab of its own; the payment exists once it was opened.
    await fetch(client.url);
    same('the person pays', 'paid', (await pay(number)).state);
    await page.waitForFunction(() => document.querySelector('#kept').textContent.includes('mailed'));
    check('a print does not open the file', await page.isDisabled('#download'));
    check('nobody else was asked, nothing was refused', page.wrong.length === 0, page.wrong.join('; '));
}
