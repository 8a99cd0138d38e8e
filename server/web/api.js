/* SPDX-License-Identifier: MIT */
/* Calls of the service. The token lives as long as the tab; nothing else is kept in the browser. */
import {languageTag, word} from '/web/words.js';

export class Problem extends Error {
  constructor(document, status) {
    super(document.detail ? `${document.title}${document.title ? ' ' : ''}${document.detail}` : document.title);
    this.code = document.code;
    this.status = status;
    this.report = document.report;
    this.fields = document.errors ?? [];
  }
}

const tokenName = 'idphotod-token';
export const hasToken = () => sessionStorage.getItem(tokenName) !== null;
export const setToken = (token) => sessionStorage.setItem(tokenName, token);
export const dropToken = () => sessionStorage.removeItem(tokenName);

async function problemOf(answer) {
  if (answer.status === 429)
    return new Problem({code: 'rate-limited', title: word('wait', {seconds: answer.headers.get('Retry-After') ?? 60})}, 429);
  const isProblem = answer.headers.get('Content-Type')?.startsWith('application/problem+json');
  return new Problem(isProblem ? await answer.json() : {code: 'unknown', title: word('offline')}, answer.status);
}

/* options: {query, json, body, type, key}. key: true for a route that wants an Idempotency-Key; a
 * call that was cut off is repeated once with the same key. Gives the Response; throws Problem. */
export async function call(method, path, {query, json, body, type, key} = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== '') url.searchParams.set(name, value);
  const headers = {'Accept-Language': languageTag()};
  if (hasToken()) headers.Authorization = `Bearer ${sessionStorage.getItem(tokenName)}`;
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  if (type) headers['Content-Type'] = type;
  if (key) headers['Idempotency-Key'] = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4))).join('-');
  const request = {method, headers, body: json === undefined ? body : JSON.stringify(json), cache: 'no-store', credentials: 'omit'};
  for (let turn = 0; ; turn++) {
    let answer;
    try {
      answer = await fetch(url, request);
    } catch {
      if (turn === 0 && (key || method === 'GET')) continue;
      throw new Problem({code: 'offline', title: word('offline')}, 0);
    }
    if (answer.ok) return answer;
    throw await problemOf(answer);
  }
}

export const read = async (path, options) => (await call('GET', path, options)).json();

export const readBlob = async (path, options) => (await call('GET', path, options)).blob();
