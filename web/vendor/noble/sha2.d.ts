// What the page uses of @noble/hashes, for tsc. The library itself is sha2.js.
export interface Hash {
  update(bytes: Uint8Array): Hash;
  digest(): Uint8Array;
}
export const sha256: {(bytes: Uint8Array): Uint8Array; create(): Hash};
