/* SPDX-License-Identifier: MIT */
/* The page as a whole: what follows what, consent, messages, deletion. */
import {call, dropToken, hasToken, Problem, read, setToken} from '/web/api.js';
import {chosenSpec, showDocuments, startDocuments} from '/web/documents.js';
import {download, hidePayment, paidOrder, placedOrder, placeOrder, showProducts, startOrder} from '/web/order.js';
import {forgetPhoto, madePhoto, makePhoto, notePaid, showBackgrounds} from '/web/photo.js';
import {closeCamera, forgetReport, openCamera, portrait, shoot, showReport, takeFile} from '/web/portrait.js';
import {inLanguage, languageTag, moment, switchLanguage, translate, word} from '/web/words.js';

const $ = (id) => document.getElementById(id);
let policy = null, busy = false;

// ---------------------------------------------------------------- messages

function say(text) {
  $('status').textContent = text;
  $('status').hidden = !text;
}

function complain(error) {
  say('');
  $('trouble').textContent = error?.message ?? '';
  $('trouble').hidden = !error;
}

function enable() {
  const photo = madePhoto();
  const ready = !busy && chosenSpec() !== null && portrait().body !== null;
  $('check').disabled = $('make-button').disabled = !ready;
  $('order-button').disabled = busy || !photo || photo.state === 'paid';
  $('download').disabled = busy || photo?.state !== 'paid';
  $('delete-photo').disabled = busy || !photo;
  $('delete-all').disabled = busy || !hasToken();
}

/* One thing at a time; what goes wrong is told. */
async function during(text, work) {
  if (busy) return;
  busy = true;
  complain(null);
  say(text);
  enable();
  try {
    say((await work()) ?? '');
  } catch (error) {
    if (error instanceof Problem && error.code === 'unauthenticated') dropToken();
    if (error instanceof Problem && error.report) showReport(error.report);
    complain(error);
  } finally {
    busy = false;
    enable();
  }
}

// ---------------------------------------------------------------- consent

const purpose = (code) => policy.purposes.find((p) => p.code === code);

/* With what it adds for this client. */
const wholePolicy = () => [policy.text, ...policy.supplements.map((s) => s.text)].join('\n\n');

function showConsent() {
  $('policy-text').textContent = wholePolicy();
  $('face-text').textContent = inLanguage(purpose('server-face-processing'), 'text');
}

/* The account is opened when the person has agreed, not before. */
function askConsent() {
  const dialog = $('consent'), form = $('consent-form');
  form.reset();
  $('guardian').hidden = $('guardian').disabled = true;
  showConsent();
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener('close', () => done(dialog.returnValue === 'agree'), {once: true}));
}

async function openAccount() {
  const answers = $('consent-form').elements;
  const wish = {policy_version: policy.version};
  if (answers.minor.checked) {
    wish.minor = true;
    wish.guardian = {name: answers['guardian-name'].value, phone: answers['guardian-phone'].value, relation: answers['guardian-relation'].value};
  }
  setToken((await (await call('POST', '/v1/accounts', {json: wish})).json()).token);
  await call('PUT', '/v1/consents/server-face-processing', {json: {policy_version: policy.version}});
}

async function mayGoOn() {
  if (hasToken()) return true;
  if (!(await askConsent())) return false;
  await openAccount();
  return true;
}

// ---------------------------------------------------------------- steps

async function check() {
  if (!(await mayGoOn())) return '';
  const answer = await call('POST', '/v1/photos/check', {query: {spec: chosenSpec().id}, ...portrait()});
  showReport(await answer.json());
  return '';
}

async function make() {
  if (!(await mayGoOn())) return '';
  hidePayment();
  const photo = await makePhoto();
  $('kept').textContent = word('keptDraft', {until: moment(photo.expires_at)});
  $('make-title').focus();
  return word('made');
}

function checkForm() {
  const form = $('order-form');
  for (const field of form.elements) field.removeAttribute?.('aria-invalid');
  if (form.checkValidity()) return;
  for (const field of form.querySelectorAll(':invalid:not(fieldset)')) field.setAttribute('aria-invalid', 'true');
  form.querySelector(':invalid:not(fieldset)').focus();
  throw new Error(word('fill'));
}

async function settle(outcome) {
  if (outcome !== 'succeeded') {
    if (outcome === 'closed') say(word('payClosed'));
    return;
  }
  const order = await paidOrder();
  const electronic = order.kind !== 'print';
  hidePayment();
  notePaid();
  say(word('paid'));
  $('kept').textContent = electronic ? word('kept', {until: moment((await read(`/v1/photos/${madePhoto().photo_id}`)).expires_at)}) : word('printed');
  enable();
  $('download').disabled = !electronic;
  $('done-title').focus();
}

async function placeAndAwait() {
  checkForm();
  const payment = await placeOrder(madePhoto(), policy.version);
  payment().then(settle).catch(complain);
  return word('waiting');
}

function save(blob, name) {
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function saveFile() {
  const layout = $('layout').value, format = $('format').value;
  const ending = {jpeg: 'jpg', png: 'png', pdf: 'pdf'}[format];
  save(await download(madePhoto(), {layout, format}), `${chosenSpec().id}${layout ? `-${layout}` : ''}.${ending}`);
}

/* A sheet comes as JPEG or PDF, a single photo as JPEG or PNG. */
function offerFormats() {
  const sheet = $('layout').value !== '';
  for (const option of $('format').options) option.disabled = option.value === (sheet ? 'png' : 'pdf');
  if ($('format').selectedOptions[0].disabled) $('format').value = sheet ? 'pdf' : 'jpeg';
}

// ---------------------------------------------------------------- deletion

async function erase(path, refusal) {
  try {
    await call('DELETE', path);
  } catch (error) {
    if (error.code !== refusal || !confirm(word('deleteForce'))) throw error;
    await call('DELETE', path, {query: {force: 'true'}});
  }
}

async function deletePhoto() {
  if (!confirm(word('deleteSure'))) return '';
  hidePayment();
  await erase(`/v1/photos/${madePhoto().photo_id}`, 'in-fulfilment');
  notePaid(); /* it is gone: nothing to delete again */
  await forgetPhoto();
  $('kept').textContent = '';
  return word('photoDeleted');
}

async function deleteAll() {
  if (!confirm(word('deleteSure'))) return '';
  hidePayment();
  await erase('/v1/account', 'order-in-fulfilment');
  dropToken();
  notePaid();
  await forgetPhoto();
  forgetReport();
  $('kept').textContent = '';
  return word('allDeleted');
}

// ---------------------------------------------------------------- start

function onSpec(spec) {
  showBackgrounds(spec);
  showProducts(spec);
  forgetPhoto().catch(() => {});
  enable();
}

async function onFile(file) {
  if (file) await takeFile(file);
  await forgetPhoto();
}

function offerLanguage() {
  $('language').textContent = word('otherLanguage');
  $('language').lang = languageTag() === 'en' ? 'zh-CN' : 'en';
}

function onLanguage() {
  switchLanguage();
  offerLanguage();
  showDocuments();
  if (chosenSpec()) onSpec(chosenSpec());
  forgetReport();
  complain(null);
}

function listen() {
  $('language').addEventListener('click', onLanguage);
  $('show-policy').addEventListener('click', () => {
    $('policy-whole').textContent = wholePolicy();
    $('policy').showModal();
  });
  $('file').addEventListener('change', (e) => during('', () => onFile(e.target.files[0])));
  $('portrait').addEventListener('dragover', (e) => e.preventDefault());
  $('portrait').addEventListener('drop', (e) => {
    e.preventDefault();
    during('', () => onFile(e.dataTransfer.files[0]));
  });
  $('camera').addEventListener('click', () => during('', () => openCamera().catch(() => { throw new Error(word('cameraOff')); })));
  $('camera-close').addEventListener('click', closeCamera);
  $('shoot').addEventListener('click', () => during('', () => shoot().then(() => forgetPhoto())));
  $('check').addEventListener('click', () => during(word('checking'), check));
  $('make-button').addEventListener('click', () => during(word('making'), make));
  $('order-form').addEventListener('submit', (e) => {
    e.preventDefault();
    during(word('ordering'), placeAndAwait);
  });
  $('layout').addEventListener('change', offerFormats);
  $('download').addEventListener('click', () => during('', saveFile));
  $('delete-photo').addEventListener('click', () => during('', deletePhoto));
  $('delete-all').addEventListener('click', () => during('', deleteAll));
  $('consent-form').elements.minor.addEventListener('change', (e) => {
    $('guardian').hidden = $('guardian').disabled = !e.target.checked;
  });
}

async function start() {
  translate();
  offerLanguage();
  listen();
  policy = await read('/v1/policy');
  await Promise.all([startDocuments(onSpec, complain), startOrder()]);
  enable();
}

start().catch(complain);
