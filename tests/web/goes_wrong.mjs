// SPDX-License-Identifier: MIT
import { NOBODY, open, picture } from './browser.mjs';
import { consent, makes } from './buys_file.mjs';
import { check, same } from './report.mjs';

const trouble = async (page) => {
    await page.waitForSelector('#trouble:not([hidden])');
    return page.textContent('#trouble');
};

export async function goesWrong() {
    const page = await open();
    await page.fill('#search', '没有这样的证件');
    await page.waitForFunction(() => document.querySelector('#specs').textContent.includes('没有找到'));
    await makes(page);
    await page.setInputFiles('#file', { name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
    same('a file that is no picture is refused here', '请选择 JPEG、PNG、WebP 或 HEIC 图片。', await trouble(page));
    await page.setInputFiles('#file', { name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(21 << 20, 0xff) });
    same('one over 20 MB too', '图片超过 20 MB。', await trouble(page));

    await page.setInputFiles('#file', NOBODY);
    await page.click('#make-button');
    await page.waitForSelector('#consent[open]');
    await page.click('#consent button[value=cancel]');
    check('who does not agree has no account', (await page.evaluate(() => sessionStorage.length)) === 0);
    await page.click('#make-button');
    await consent(page);
    await page.waitForSelector('#report:not([hidden])');
    check('a picture of nobody is told so, with advice', (await page.locator('#checks .fail').count()) >= 1);
    check('and nothing is made', await page.isHidden('#result'));
    await picture(page, '9-nobody');
    await page.context().setOffline(true);
    await page.click('#check');
    same('without a network the page says so', '连接失败，请检查网络后重试。', await trouble(page));
    check('nobody else was asked, nothing was refused', page.wrong.length === 0, page.wrong.join('; '));
}
