// SPDX-License-Identifier: MIT
// What was asked of whom, and how it went. A judgement is one comparison between a peer and us:
// they agree, or they do not and it was known, or something is wrong.

const rows = new Map();
const laxities = new Map();
let wrong = 0;

function row(peer, what) {
    const key = `${peer}\0${what}`;
    if (!rows.has(key)) rows.set(key, { peer, what, count: 0, agreed: 0, lax: 0 });
    return rows.get(key);
}

function fault(peer, what, detail) {
    wrong++;
    console.log(`WRONG ${peer}: ${what}: ${detail}`);
}

/** The peer and we say the same. */
export function agree(peer, what, yes, detail = '') {
    const r = row(peer, what);
    r.count++;
    if (yes) r.agreed++;
    else fault(peer, what, detail);
    return yes;
}

/**
 * The peer is known to let something pass, or to stumble, where we do not: `known` names it.
 * Wrong when it does no longer, too: then this line of the tests has to go.
 */
export function lax(peer, what, known, yes, detail = '') {
    const r = row(peer, what);
    r.count++;
    if (!yes) return fault(peer, what, `${known}: ${detail}`);
    r.lax++;
    laxities.set(`${peer}: ${known}`, (laxities.get(`${peer}: ${known}`) ?? 0) + 1);
    return yes;
}

/** Runs a part; what it throws is a fault of its own, and the other parts go on. */
export async function part(name, run, patterns) {
    if (patterns.length && !patterns.some((pattern) => name.includes(pattern))) return;
    try {
        await run();
    } catch (error) {
        fault('part', name, error.stack ?? error);
    }
}

export function outcome(answer) {
    return `${answer.status} ${answer.body.toString().slice(0, 300)}`;
}

/** The table; the exit code. */
export function report() {
    const line = (...cells) => console.log(`| ${cells[0].padEnd(27)} | ${cells[1].padEnd(52)} | ` +
        `${cells.slice(2).map((cell) => String(cell).padStart(6)).join(' | ')} |`);
    line('peer', 'what', 'count', 'agreed', 'lax');
    let passed = 0;
    for (const { peer, what, count, agreed, lax: known } of rows.values()) {
        line(peer, what, count, agreed, known);
        passed += agreed + known;
    }
    for (const [known, count] of laxities) console.log(`| known of ${known} (${count})`);
    console.log(`${passed} passed, ${wrong} failed`);
    return wrong || !passed ? 1 : 0;
}
