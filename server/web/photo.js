/* SPDX-License-Identifier: MIT */
/* Step 3: the background, the making, before and after. */
import {call, readBlob} from '/web/api.js';
import {chosenSpec} from '/web/documents.js';
import {drawPortrait, portrait} from '/web/portrait.js';
import {colourName, word} from '/web/words.js';

const $ = (id) => document.getElementById(id);
const GRADIENT = 'gradient:';
let photo = null, url = null;

export const madePhoto = () => photo;

function swatch(value, name, paint) {
  const label = document.createElement('label');
  const radio = Object.assign(document.createElement('input'), {type: 'radio', name: 'background', value});
  const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 32});
  const pen = canvas.getContext('2d');
  if (paint) {
    pen.fillStyle = paint(pen);
    pen.fillRect(0, 0, 32, 32);
  }
  canvas.setAttribute('aria-hidden', 'true');
  label.append(radio, canvas, name);
  return label;
}

function fade(colour) {
  return (pen) => {
    const gradient = pen.createLinearGradient(0, 0, 0, 32);
    gradient.addColorStop(0, colour);
    gradient.addColorStop(1, '#ffffff');
    return gradient;
  };
}

/* The document's own colours first; where it takes any, also others. */
export function showBackgrounds(spec) {
  const choices = spec.backgrounds.map((colour) => swatch(colour, colourName(colour), () => colour));
  if (spec.any_background) {
    const coloured = spec.backgrounds.find((colour) => colour !== '#FFFFFF');
    if (coloured) choices.push(swatch(`${GRADIENT}${coloured}`, word('gradient', {colour: colourName(coloured)}), fade(coloured)));
    if (!spec.min_kb && !spec.max_kb) choices.push(swatch('transparent', word('clear'), null));
  }
  const list = $('backgrounds');
  list.replaceChildren(list.querySelector('legend'), ...choices);
  list.querySelector('input').checked = true;
}

function query() {
  const value = $('backgrounds').querySelector('input:checked').value;
  const gradient = value.startsWith(GRADIENT);
  return {
    spec: chosenSpec().id, subject: $('subject').value,
    background: gradient ? value.slice(GRADIENT.length) : value,
    gradient: gradient ? 'down' : undefined,
  };
}

function showGeometry(geometry = []) {
  const outside = geometry.filter((band) => !band.inside).map((band) => word(`b_${band.id}`));
  $('geometry').textContent = outside.length ? word('outside', {names: outside.join(word('comma'))}) : word('inside');
}

export async function forgetPhoto() {
  const old = photo;
  photo = null;
  if (url) URL.revokeObjectURL(url);
  url = null;
  $('result').hidden = true;
  $('geometry').textContent = '';
  /* a draft goes by itself within the hour; sooner is better */
  if (old?.state === 'draft') await call('DELETE', `/v1/photos/${old.photo_id}`).catch(() => {});
}

/* Makes the photo and shows it beside the portrait. Gives the photo. */
export async function makePhoto() {
  await forgetPhoto();
  const answer = await (await call('POST', '/v1/photos/make', {query: query(), ...portrait(), key: true})).json();
  const preview = await readBlob(`/v1/photos/${answer.photo_id}/preview`);
  photo = answer;
  url = URL.createObjectURL(preview);
  $('after').src = url;
  $('after').alt = word('after');
  $('before').hidden = !drawPortrait($('before'), 600);
  $('result').hidden = false;
  if (answer.report) showGeometry(answer.report.geometry);
  return answer;
}

export function notePaid() {
  if (photo) photo.state = 'paid';
}
