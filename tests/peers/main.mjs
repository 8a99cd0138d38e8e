// SPDX-License-Identifier: MIT
// See run. Each part asks peers about one side of ours.
import { record } from './recorder.mjs';
import { part, report } from './report.mjs';
import { Client, shell } from './service.mjs';
import { certificateMode } from './certificate_mode.mjs';
import { clientsOfSandbox } from './clients.mjs';
import { wechatCallbacks } from './wechat_callbacks.mjs';
import { alipayCallbacks } from './alipay_callbacks.mjs';
import { answers } from './answers.mjs';
import { judgeRequests, requests } from './requests.mjs';
import { secondGcm } from './gcm.mjs';
import { vectors } from './vectors.mjs';

const wanted = process.argv.slice(2);
const recorder = await record(process.env.SANDBOX);
shell(`sed -i 's,${process.env.SANDBOX},${recorder},' "$STACK/conf.d/merchants.conf" && server_up`);
const client = await Client.open();

await part('requests', () => requests(client), wanted);
await part('wechat callbacks', () => wechatCallbacks(client), wanted);
await part('alipay callbacks', () => alipayCallbacks(client), wanted);
await part('answers', () => answers(client), wanted);
await part('certificate mode', () => certificateMode(client), wanted);
await part('gcm', () => secondGcm(client), wanted);
await part('clients', () => clientsOfSandbox(), wanted);
await part('vectors', () => vectors(), wanted);
await part('requests', () => judgeRequests(), wanted);

process.exit(report());
