/* SPDX-License-Identifier: MIT */
/* Step 4: product, recipient, order, payment. */
import {call, read, readBlob} from '/web/api.js';
import {inLanguage, price, word} from '/web/words.js';

const $ = (id) => document.getElementById(id);
const form = () => $('order-form').elements;
const ASK_AGAIN_MS = 3000;
let products = [], order = null, attempt = 0;

export const placedOrder = () => order;

const chosenProduct = () => products.find((p) => p.id === form().product?.value);

function showNeeds() {
  const product = chosenProduct();
  const print = product?.kind === 'print';
  $('recipient').hidden = $('recipient').disabled = !print;
  $('no-refund').hidden = form().accepts_no_refund.disabled = !product || print;
}

function line(product, first) {
  const label = document.createElement('label');
  const radio = Object.assign(document.createElement('input'), {type: 'radio', name: 'product', value: product.id, checked: first});
  const name = Object.assign(document.createElement('span'), {textContent: inLanguage(product, 'name')});
  const cost = Object.assign(document.createElement('small'), {textContent: price(product.price_fen)});
  label.append(radio, name, cost);
  return label;
}

/* An official document takes the official product, others the standard one; prints suit both. */
export function showProducts(spec) {
  const unsuited = spec?.official ? 'electronic-standard' : 'electronic-official';
  const chosen = chosenProduct()?.id;
  const offered = products.filter((p) => p.id !== unsuited);
  const list = $('products');
  list.replaceChildren(list.querySelector('legend'), ...offered.map((p, i) => line(p, chosen ? p.id === chosen : i === 0)));
  if (!list.querySelector('input:checked')) list.querySelector('input').checked = true;
  showNeeds();
}

export async function startOrder() {
  products = (await read('/v1/products')).items;
  $('products').addEventListener('change', showNeeds);
  showProducts(null);
}

function recipient() {
  const of = {};
  for (const name of ['name', 'phone', 'province', 'city', 'district', 'street', 'postcode'])
    if (form()[name].value.trim()) of[name] = form()[name].value.trim();
  return of;
}

const small = () => matchMedia('(pointer: coarse)').matches;

function paymentWish() {
  return form().channel.value === 'wechat' ? {channel: 'wechat', method: 'native'}
    : {channel: 'alipay', method: small() ? 'wap' : 'page'};
}

async function showPayment(payment) {
  const {code_url: code, url} = payment.client;
  $('pay-title').textContent = word('payTitle', {price: price(payment.amount_fen)});
  if (code) {
    $('qr').src = URL.createObjectURL(await (await call('POST', '/v1/qr', {json: {text: code}})).blob());
    $('qr').alt = word('qrAlt');
    await $('qr').decode();
  } else {
    $('pay-link').href = url;
  }
  $('qr').hidden = !code;
  $('pay-link').hidden = !url;
  $('pay-state').textContent = word(code ? 'payScan' : 'payOpen');
  $('pay').hidden = false;
  $('pay-title').focus();
}

/* Until it has succeeded or was closed; another order begun meanwhile ends the asking. */
async function awaitPayment(payment, turn) {
  const path = `/v1/orders/${order.order_id}/payments/${payment.payment_id}`;
  while (turn === attempt) {
    const {state} = await read(path);
    if (state !== 'pending') return state;
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
  }
  return 'given-up';
}

/* Orders and begins the payment. Gives what awaits its end: 'succeeded', 'closed' or 'given-up'. */
export async function placeOrder(photo, policyVersion) {
  const product = chosenProduct();
  const print = product.kind === 'print';
  if (print) await call('PUT', '/v1/consents/print-mailing', {json: {policy_version: policyVersion}});
  const wish = {items: [{product: product.id, photo_id: photo.photo_id, quantity: 1}]};
  if (print) wish.recipient = recipient();
  else wish.accepts_no_refund = true;
  order = await (await call('POST', '/v1/orders', {json: wish, key: true})).json();
  const payment = await (await call('POST', `/v1/orders/${order.order_id}/payments`, {json: paymentWish(), key: true})).json();
  await showPayment(payment);
  return () => awaitPayment(payment, ++attempt);
}

export async function paidOrder() {
  order = await read(`/v1/orders/${order.order_id}`);
  return order;
}

export function hidePayment() {
  attempt++;
  $('pay').hidden = true;
}

export const download = (photo, query) => readBlob(`/v1/photos/${photo.photo_id}/file`, {query});
