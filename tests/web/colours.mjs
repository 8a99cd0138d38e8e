// SPDX-License-Identifier: MIT
// The colours to choose from go by the names that people know.
import { API, open, picture } from './browser.mjs';
import { check, same } from './report.mjs';

const labels = (page) => page.$$eval('#backgrounds label', (all) => all.map((label) => label.textContent.trim()).join(' | '));

/** The document of this id, found by searching for it. */
async function choose(page, id) {
    await page.fill('#search', id);
    await page.waitForFunction((wanted) => document.querySelector('#specs input')?.value === wanted, id);
    await page.check('#specs input >> nth=0');
}

/** What the page offers for a specification, whether or not there is such a document. */
const offered = (page, spec) => page.evaluate(async (shown) => {
    const { showBackgrounds } = await import('/web/photo.js');
    showBackgrounds(shown);
    return [...document.querySelectorAll('#backgrounds label')].map((label) => label.textContent.trim());
}, spec);

async function namesEachColour(page, language) {
    const { items } = await (await fetch(`${API}/v1/specs`)).json();
    check('there are documents', items.length > 50, items.length);
    const nameless = [], alike = [];
    for (const spec of items) {
        const names = await offered(page, spec);
        if (names.some((name) => !name || name.includes('#'))) nameless.push(spec.id);
        if (new Set(names).size < names.length) alike.push(spec.id);
    }
    same(`documents with a colour without a name in ${language}`, '', nameless.join());
    same(`documents with two colours of one name in ${language}`, '', alike.join());
}

export async function namesColours() {
    const page = await open();
    await choose(page, 'cn-1inch');
    same('one inch in Chinese', '白色 | 蓝色 | 红色 | 蓝色渐变 | 透明', await labels(page));
    await namesEachColour(page, 'Chinese');
    await choose(page, 'cn-passport');
    await page.click('#language');
    same('a passport in English', 'White | Grey | Light blue', await labels(page));
    await picture(page, '11-colours');
    await namesEachColour(page, 'English');
    same('a colour without a name is told by its number', 'Cream,#123456', (await offered(page,
        { backgrounds: ['#F5F5DC', '#123456'] })).join());
    check('nobody else was asked, nothing was refused', page.wrong.length === 0, page.wrong.join('; '));
}
