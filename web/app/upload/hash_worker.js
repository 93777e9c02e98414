/** SHA-256 of files, in a thread of its own and in pieces: also where the page has no secure context. */
import {sha256} from '../../vendor/noble/sha2.js';

const pieceBytes = 4 * 1024 * 1024;

self.onmessage = async ({data: {id, file}}) => {
  try {
    const hash = sha256.create();
    if (self.crypto?.subtle && file.size <= pieceBytes) {
      const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
      self.postMessage({id, digest: new Uint8Array(digest)});
      return;
    }
    for (let at = 0; at < file.size; at += pieceBytes)
      hash.update(new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer()));
    self.postMessage({id, digest: hash.digest()});
  } catch (error) {
    self.postMessage({id, error: String(error)});
  }
};
