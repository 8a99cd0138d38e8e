/* SPDX-License-Identifier: MIT */
/* Step 2: the picture, from a file or the camera, and what the check says about it. */
import {inLanguage, word} from '/web/words.js';

const $ = (id) => document.getElementById(id);
const MOST_BYTES = 20 * 1024 * 1024;
let bytes = null, type = null, bitmap = null, stream = null;

export const portrait = () => ({body: bytes, type});

/* By the first bytes: a phone may call a HEIC file anything. */
async function typeOf(file) {
  const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (head[0] === 0xff && head[1] === 0xd8) return 'image/jpeg';
  if (text.startsWith('\x89PNG')) return 'image/png';
  if (text.startsWith('RIFF') && text.endsWith('WEBP')) return 'image/webp';
  return text.slice(4, 8) === 'ftyp' ? 'image/heic' : null;
}

/* Draws the picture at most `most` pixels wide; false when the browser cannot show it. */
export function drawPortrait(canvas, most) {
  if (!bitmap) return false;
  const scale = Math.min(1, most / bitmap.width);
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return true;
}

function show() {
  $('picture-box').hidden = false;
  const visible = drawPortrait($('picture'), 900);
  $('picture').hidden = !visible;
  $('picture').setAttribute('aria-label', word('yourPicture'));
  $('picture-facts').textContent = visible ? `${bitmap.width} × ${bitmap.height}` : word('noView');
}

/* Takes the file as the picture; throws an Error whose message can be shown. */
export async function takeFile(file) {
  if (file.size > MOST_BYTES) throw new Error(word('tooBig'));
  const found = await typeOf(file);
  if (!found) throw new Error(word('notAPicture'));
  [bytes, type] = [file, found];
  bitmap = await createImageBitmap(file, {imageOrientation: 'from-image'}).catch(() => null);
  forgetReport();
  show();
}

export async function openCamera() {
  stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'user', width: {ideal: 1920}, height: {ideal: 1440}}});
  $('camera-box').hidden = false;
  $('viewfinder').srcObject = stream;
  await $('viewfinder').play();
  $('shoot').focus();
}

export function closeCamera() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  $('camera-box').hidden = true;
}

export async function shoot() {
  const video = $('viewfinder');
  const canvas = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight});
  canvas.getContext('2d').drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95));
  closeCamera();
  await takeFile(blob);
}

export function forgetReport() {
  $('report').hidden = true;
  $('checks').replaceChildren();
}

/* The face's place comes in fractions of the picture. */
function mark(face) {
  const canvas = $('picture'), pen = canvas.getContext('2d');
  const x = (f) => f * canvas.width, y = (f) => f * canvas.height;
  pen.lineWidth = Math.max(2, canvas.width / 200);
  pen.strokeStyle = '#f0a020';
  pen.strokeRect(x(face.from.x), y(face.from.y), x(face.to.x - face.from.x), y(face.to.y - face.from.y));
  for (const point of [...face.eyes, face.chin]) {
    pen.beginPath();
    pen.arc(x(point.x), y(point.y), canvas.width / 80, 0, 2 * Math.PI);
    pen.stroke();
  }
}

const order = {fail: 0, warn: 1, pass: 2};

function item(check) {
  const li = document.createElement('li');
  const verdict = Object.assign(document.createElement('span'), {className: `verdict ${check.verdict}`, textContent: word(check.verdict)});
  const name = Object.assign(document.createElement('span'), {textContent: word(`m_${check.id}`)});
  li.append(verdict, name);
  if (check.verdict !== 'pass') li.append(Object.assign(document.createElement('p'), {textContent: inLanguage(check, 'advice')}));
  return li;
}

export function showReport(report) {
  const checks = [...report.checks].sort((a, b) => order[a.verdict] - order[b.verdict]);
  $('report').hidden = false;
  $('report-title').textContent = word(report.qualified ? 'checkGood' : 'checkBad');
  $('report-title').className = report.qualified ? 'pass' : 'fail';
  $('checks').replaceChildren(...checks.map(item));
  if (drawPortrait($('picture'), 900) && report.face) {
    mark(report.face);
    $('picture').setAttribute('aria-label', word('marked'));
  }
  $('report-title').focus();
}
