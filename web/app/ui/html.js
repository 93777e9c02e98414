/** Templates: `html` makes elements of preact from tagged text. */
import htm from '../../vendor/htm.js';
import {h} from '../../vendor/preact.js';

export const html = htm.bind(h);
