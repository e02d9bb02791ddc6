/**
 * Finds damage in a write-ahead log. SQLite reads such a log up to the first frame whose checksum is wrong and takes
 * that for its end, which is right after a crash: the rest was never acknowledged. When a byte goes bad later it does
 * the same, and acknowledged transactions behind that byte would be gone without a word.
 *
 * The two differ. With a flush after each commit, a transaction is written only when those before it are on the disk:
 * after a crash at most one transaction lies behind the end that SQLite has found. More than one means damage. What
 * cannot be told from a crash is damage to the last transaction alone.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs"

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24

/** What is wrong with the log of `filename`, of which SQLite believes the first `validFrameCount` frames. */
export const damageOf = (filename: string, validFrameCount: number): string | undefined => {
  const path = `${filename}-wal`
  if (!existsSync(path) || statSync(path).size < HEADER_BYTES + FRAME_HEADER_BYTES) return undefined
  const file = openSync(path, "r")
  try {
    const header = bytesAt(file, 0, HEADER_BYTES)
    // All zero after a power cut in which the file grew and nothing else was written.
    if (header.every((byte) => byte === 0)) return undefined
    if (!isHeader(header)) return "the header of its write-ahead log does not match its checksum"
    return transactionsBehind(file, header, validFrameCount) > 1
      ? `its write-ahead log is broken after frame ${validFrameCount}, and acknowledged transactions lie behind that`
      : undefined
  } finally {
    closeSync(file)
  }
}

const bytesAt = (file: number, position: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(file, bytes, 0, length, position))
}

/** The header ends with a checksum over its first 24 bytes; the magic number says in which byte order it was summed. */
const isHeader = (header: Buffer): boolean => {
  const magic = header.readUInt32BE(0)
  if ((magic & 0xfffffffe) >>> 0 !== 0x377f0682) return false
  const word = (offset: number): number => (magic & 1) === 1 ? header.readUInt32BE(offset) : header.readUInt32LE(offset)
  let [s0, s1] = [0, 0]
  for (let offset = 0; offset < 24; offset += 8) {
    s0 = (s0 + word(offset) + s1) >>> 0
    s1 = (s1 + word(offset + 4) + s0) >>> 0
  }
  return header.readUInt32BE(24) === s0 && header.readUInt32BE(28) === s1
}

/** How many transactions begin behind the valid frames. Frames left over from an older log have other salts. */
const transactionsBehind = (file: number, header: Buffer, validFrameCount: number): number => {
  const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8)
  const salts = header.subarray(16, 24)
  let count = 0
  let inTransaction = false
  for (let index = validFrameCount;; index++) {
    const frame = bytesAt(file, HEADER_BYTES + index * frameBytes, FRAME_HEADER_BYTES)
    if (frame.length < FRAME_HEADER_BYTES) return count
    if (!frame.subarray(8, 16).equals(salts)) continue
    if (!inTransaction) count += 1
    // A frame that ends a transaction says how large the database is after it.
    inTransaction = frame.readUInt32BE(4) === 0
  }
}
