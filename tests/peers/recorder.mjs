// SPDX-License-Identifier: MIT
// Stands between server and sandbox: keeps each request and answer as the bytes they were, and hands
// them on. A test may answer in the sandbox's place.
import http from 'node:http';

export const calls = [];
const instead = [];

/** The next request for which `wanted` holds gets `answer(call)`: {status, headers, body}. */
export function answerInstead(wanted, answer) {
    instead.push({ wanted, answer });
}

/** The target's answer to a call. */
export function pass(call, target) {
    return new Promise((resolve, reject) => {
        const headers = { ...call.headers };
        delete headers.connection;
        const request = http.request(target + call.url, { method: call.method, headers }, (answer) => {
            const parts = [];
            answer.on('data', (part) => parts.push(part));
            answer.on('end', () => resolve({
                status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts),
            }));
        });
        request.on('error', reject);
        request.end(call.body);
    });
}

async function answerTo(call, target) {
    const at = instead.findIndex(({ wanted }) => wanted(call));
    if (at < 0) return pass(call, target);
    const [{ answer }] = instead.splice(at, 1);
    call.instead = true;
    return answer(call);
}

/** Starts it; its address. */
export function record(target) {
    const server = http.createServer(async (request, response) => {
        const parts = [];
        for await (const part of request) parts.push(part);
        const call = {
            method: request.method, url: request.url, headers: request.headers,
            raw: request.rawHeaders, body: Buffer.concat(parts),
        };
        try {
            call.answer = await answerTo(call, target);
        } catch (error) {
            call.answer = { status: 599, headers: {}, body: Buffer.from(String(error)) };
        }
        calls.push(call);
        const { 'transfer-encoding': _, connection: __, ...headers } = call.answer.headers;
        response.writeHead(call.answer.status, headers);
        response.end(call.answer.body);
    });
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => {
            server.unref();
            resolve(`http://127.0.0.1:${server.address().port}`);
        });
    });
}
