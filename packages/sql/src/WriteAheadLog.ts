/**
 * Finds damage in a write-ahead log. SQLite reads such a log up to the first frame whose checksum is wrong and takes
 * that for its end, which is right after a crash: the rest was never acknowledged. When a byte goes bad later it does
 * the same, and acknowledged transactions behind that byte would be gone without a word.
 *
 * The two differ. With a flush after each commit, a transaction is written only when those before it are on the disk:
 * after a crash at most one transaction lies behind the end that SQLite has found. More than one means damage.
 *
 * The index of the log, the `-shm` file, knows more. It outlives a killed process, and says how many frames were committed;
 * SQLite writes that down after the flush, so that a log of the same generation with fewer valid frames has lost some. A
 * power cut may leave an older index, which says less and never too much. What cannot be told from a crash is damage to the
 * last transaction alone where there is no such index, and a log that is gone altogether.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs"
import { endianness } from "node:os"

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24

/** What an index says of the log that it belongs to. */
export interface Index {
  /** Which generation of the log it is. */
  readonly salts: Buffer
  readonly frameCount: number
}

/** The size of the index's header, which is there twice. */
const INDEX_BYTES = 48

/** The index beside `filename`, if there is a whole one. SQLite writes it anew when it opens the file: ask before. */
export const indexOf = (filename: string): Index | undefined => {
  const header = headerOfIndex(`${filename}-shm`)
  const isBig = endianness() === "BE"
  if (header === undefined || !hasSum(header, INDEX_BYTES - 8, isBig)) return undefined
  return { salts: header.subarray(32, 40), frameCount: wordAt(header, 16, isBig) }
}

const headerOfIndex = (path: string): Buffer | undefined => {
  if (!existsSync(path)) return undefined
  const file = openSync(path, "r")
  try {
    const bytes = bytesAt(file, 0, 2 * INDEX_BYTES)
    const header = bytes.subarray(0, INDEX_BYTES)
    // A process that dies while it writes them leaves two that differ.
    return bytes.length === 2 * INDEX_BYTES && header.equals(bytes.subarray(INDEX_BYTES)) ? header : undefined
  } finally {
    closeSync(file)
  }
}

/**
 * What is wrong with the log of `filename`, of which SQLite believes the first `validFrameCount` frames; `index` is what lay
 * beside it before SQLite opened it.
 */
export const damageOf = (filename: string, validFrameCount: number, index: Index | undefined): string | undefined => {
  const path = `${filename}-wal`
  if (!existsSync(path) || statSync(path).size < HEADER_BYTES) return undefined
  const file = openSync(path, "r")
  try {
    const header = bytesAt(file, 0, HEADER_BYTES)
    // All zero after a power cut in which the file grew and nothing else was written.
    if (header.every((byte) => byte === 0)) return undefined
    if (!isHeader(header)) return "the header of its write-ahead log does not match its checksum"
    const isShort = index !== undefined && index.salts.equals(saltsOf(header)) && validFrameCount < index.frameCount
    return isShort || transactionsBehind(file, header, validFrameCount) > 1
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
  const [s0, s1] = sumOf(header, 24, (magic & 1) === 1)
  return header.readUInt32BE(24) === s0 && header.readUInt32BE(28) === s1
}

const saltsOf = (header: Buffer): Buffer => header.subarray(16, 24)

const wordAt = (bytes: Buffer, offset: number, isBig: boolean): number =>
  isBig ? bytes.readUInt32BE(offset) : bytes.readUInt32LE(offset)

/** SQLite's checksum over the first `length` bytes, taken as words of one byte order or the other. */
const sumOf = (bytes: Buffer, length: number, isBig: boolean): readonly [number, number] => {
  let [s0, s1] = [0, 0]
  for (let offset = 0; offset < length; offset += 8) {
    s0 = (s0 + wordAt(bytes, offset, isBig) + s1) >>> 0
    s1 = (s1 + wordAt(bytes, offset + 4, isBig) + s0) >>> 0
  }
  return [s0, s1]
}

/** Whether the sum over what is before it stands at `length`. */
const hasSum = (bytes: Buffer, length: number, isBig: boolean): boolean => {
  const [s0, s1] = sumOf(bytes, length, isBig)
  return wordAt(bytes, length, isBig) === s0 && wordAt(bytes, length + 4, isBig) === s1
}

/** How many transactions begin behind the valid frames. Frames left over from an older log have other salts. */
const transactionsBehind = (file: number, header: Buffer, validFrameCount: number): number => {
  const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8)
  const salts = saltsOf(header)
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
