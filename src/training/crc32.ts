/**
 * CRC-32, the checksum of PNG, ZIP and gzip: the remainder of a division of polynomials over GF(2), bits reversed, by
 * 0xedb88320.
 *
 * Source: ISO 3309; the table of PNG's specification, appendix D.
 */

const TABLE = Uint32Array.from({length: 256}, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  return remainder;
});

export function crc32(bytes: Uint8Array): number {
  let remainder = ~0;
  for (let i = 0; i < bytes.length; i++) remainder = (remainder >>> 8) ^ TABLE[(remainder ^ bytes[i]) & 255];
  return ~remainder >>> 0;
}
