/* SPDX-License-Identifier: MIT */
/* Step 1: which document the photo is for. */
import {read} from '/web/api.js';
import {inLanguage, word} from '/web/words.js';

const $ = (id) => document.getElementById(id);
let shown = [], chosen = null, whenChosen = () => {}, searching = 0;

export const chosenSpec = () => chosen;

function kilobytes(spec) {
  const window = {min: spec.min_kb, max: spec.max_kb};
  if (spec.min_kb && spec.max_kb) return word('kb', window);
  if (spec.max_kb) return word('kbMost', window);
  return spec.min_kb ? word('kbLeast', window) : '';
}

function showFacts() {
  $('spec-facts').textContent = chosen ? word('facts', {
    width: chosen.width_px, height: chosen.height_px, dpi: chosen.dpi,
    mm: `${chosen.width_mm} × ${chosen.height_mm}`, kb: kilobytes(chosen),
  }) : '';
}

function choose(spec) {
  chosen = spec;
  showFacts();
  whenChosen(spec);
}

function line(spec) {
  const label = document.createElement('label');
  const radio = Object.assign(document.createElement('input'), {type: 'radio', name: 'spec', value: spec.id});
  radio.checked = spec.id === chosen?.id;
  radio.addEventListener('change', () => choose(spec));
  const name = document.createElement('span');
  name.textContent = inLanguage(spec, 'name');
  const size = document.createElement('small');
  size.textContent = `${spec.official ? `${word('official')} · ` : ''}${spec.width_px} × ${spec.height_px}`;
  label.append(radio, name, size);
  return label;
}

export function showDocuments() {
  const list = $('specs');
  list.replaceChildren(list.querySelector('legend'), ...shown.map(line));
  if (shown.length === 0) list.append(word('nothingFound'));
  showFacts();
}

async function search(text) {
  const turn = ++searching;
  const {items} = await read('/v1/specs', {query: {q: text}});
  if (turn !== searching) return; /* a later search is on its way */
  shown = items;
  showDocuments();
}

/* each(spec) is called when one is chosen; fails(error) when the list cannot be had. */
export async function startDocuments(each, fails) {
  whenChosen = each;
  $('search').addEventListener('input', (e) => search(e.target.value.trim()).catch(fails));
  await search('');
}
