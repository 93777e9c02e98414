/** The batch that is open, and the upload that fills it. */
import {signal} from '../../vendor/signals-core.js';

/** @type {import('../../vendor/signals-core.js').Signal<import('./batch.js').Batch | null>} */
export const current = signal(/** @type {import('./batch.js').Batch | null} */ (null));
/** @type {import('../../vendor/signals-core.js').Signal<import('../upload/uploader.js').Uploader | null>} */
export const upload = signal(/** @type {import('../upload/uploader.js').Uploader | null} */ (null));
