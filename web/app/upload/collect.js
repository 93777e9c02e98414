/**
 * What people drop, pick or paste, as files with their paths. Folders keep their tree. What cannot be read is
 * named, and does not keep the rest from going on.
 */

/** @typedef {{path: string, file: File}} Found */
/** @typedef {{found: Found[], unreadable: string[]}} Collected */

/**
 * @param {DataTransfer} transfer of a drop: its items are gone after the first wait
 * @param {(count: number) => void} [onCount]
 * @returns {Promise<Collected>}
 */
export async function fromDrop(transfer, onCount = () => {}) {
  /** @type {Collected} */
  const all = {found: [], unreadable: []};
  const entries = [...transfer.items].filter(i => i.kind === 'file').map(i => ({entry: i.webkitGetAsEntry?.(), file: i.getAsFile()}));
  for (const {entry, file} of entries)
    if (entry) await walk(entry, '', all, onCount);
    else if (file) all.found.push({path: file.name, file});
  return all;
}

/**
 * @param {FileSystemEntry} entry @param {string} folder @param {Collected} all
 * @param {(count: number) => void} onCount
 */
async function walk(entry, folder, all, onCount) {
  const path = folder + entry.name;
  try {
    if (entry.isFile) {
      const file = await new Promise((ok, no) => /** @type {FileSystemFileEntry} */ (entry).file(ok, no));
      all.found.push({path, file});
      if (all.found.length % 100 === 0) onCount(all.found.length);
      return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    for (;;) {
      // Browsers give at most 100 at a time.
      const some = await new Promise((ok, no) => reader.readEntries(ok, no));
      if (some.length === 0) return;
      for (const each of some) await walk(each, path + '/', all, onCount);
    }
  } catch {
    all.unreadable.push(path);
  }
}

/** @param {FileList | File[]} files of a picker or of the clipboard @returns {Collected} */
export function fromFiles(files) {
  return {found: [...files].map(file => ({path: file.webkitRelativePath || file.name, file})), unreadable: []};
}

/**
 * Two files of one name, from two folders or from the clipboard: the second gets a number. @param {Found[]} found
 * @returns {Found[]}
 */
export function withOwnPaths(found) {
  const taken = new Set(found.map(f => f.path));
  /** @type {Set<string>} */
  const used = new Set();
  return found.map(({path, file}) => {
    let own = path;
    const dot = path.lastIndexOf('.') > path.lastIndexOf('/') + 1 ? path.lastIndexOf('.') : path.length;
    for (let n = 2; used.has(own) || (own !== path && taken.has(own)); ++n) own = `${path.slice(0, dot)}-${n}${path.slice(dot)}`;
    used.add(own);
    return {path: own, file};
  });
}

/** The name for a batch: the folder that all have in common, or nothing. @param {Found[]} found */
export function commonFolder(found) {
  const first = found[0]?.path.split('/')[0] ?? '';
  return found.length > 0 && found.every(f => f.path.startsWith(first + '/')) ? first : '';
}
