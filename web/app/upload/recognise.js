/** Which files are pictures that the server reads: by their first bytes, as the server tells too. */

/** @type {Record<string, (b: Uint8Array) => boolean>} of formats by name, as /v1/formats calls them */
const signatures = {
  jpeg: b => b[0] === 0xff && b[1] === 0xd8 && b[2] === 0xff,
  png: b => text(b, 1, 4) === 'PNG' && b[0] === 0x89,
  webp: b => text(b, 0, 4) === 'RIFF' && text(b, 8, 12) === 'WEBP',
};

/** @param {Uint8Array} b @param {number} from @param {number} to */
function text(b, from, to) {
  return String.fromCharCode(...b.subarray(from, to));
}

/**
 * The format of a file, or nothing. @param {File} file @param {{name: string, extensions: string[]}[]} formats
 * @returns {Promise<string | null>}
 */
export async function formatOf(file, formats) {
  const bytes = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const byBytes = formats.find(f => signatures[f.name]?.(bytes));
  if (byBytes) return byBytes.name;
  // A format that this page does not know by its bytes: a plug-in of the server.
  const extension = file.name.slice(file.name.lastIndexOf('.') + 1).toLowerCase();
  return formats.find(f => !(f.name in signatures) && f.extensions.includes(extension))?.name ?? null;
}
