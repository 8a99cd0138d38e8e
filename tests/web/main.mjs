// SPDX-License-Identifier: MIT
// See run: the scenarios, from choosing a document to deleting everything.
import { closeBrowser } from './browser.mjs';
import { end, scenario } from './report.mjs';
import { buysAFile } from './buys_file.mjs';
import { buysPrints } from './buys_prints.mjs';
import { goesWrong } from './goes_wrong.mjs';
import { namesColours } from './colours.mjs';
import { keyboardAndPhone } from './keyboard.mjs';

await scenario('a file, bought with WeChat', buysAFile);
await scenario('prints, paid with Alipay on a phone, in English', buysPrints);
await scenario('what can go wrong', goesWrong);
await scenario('keyboard, camera, language', keyboardAndPhone);
await scenario('the names of colours', namesColours);
await closeBrowser();
process.exit(end());
