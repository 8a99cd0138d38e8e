// SPDX-License-Identifier: MIT
// Counts what held. A check names what a person would notice.

let passed = 0;
let failed = 0;

export function check(what, yes, detail = '') {
    if (yes) passed++;
    else failed++;
    console.log(`${yes ? 'ok   ' : 'FAIL '} ${what}${yes || detail === '' ? '' : `: ${detail}`}`);
    return yes;
}

export const same = (what, wanted, actual) => check(what, wanted === actual, `${actual}, expected ${wanted}`);

/** A scenario that throws fails, and the next one goes on. */
export async function scenario(name, run) {
    console.log(`-- ${name}`);
    try {
        await run();
    } catch (error) {
        check(name, false, error.message.split('\n').slice(0, 6).join(' | '));
    }
}

export function end() {
    console.log(`${passed} passed, ${failed} failed`);
    return failed ? 1 : 0;
}
