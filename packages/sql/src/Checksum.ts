/**
 * The checksums by which damage is found when it is read. CRC-32 finds accidents (a flipped bit, a lost, edited or
 * swapped row); it is no protection from someone who means to deceive and can write the file.
 */
import { crc32 } from "node:zlib"

/** Chains one event to the one before it: `previous` is 0 for the first event of a history. */
export const ofEvent = (
  previous: number,
  runId: string,
  seq: number,
  type: string,
  at: number,
  data: string
): number => crc32(`${runId}\n${seq}\n${type}\n${at}\n${data}`, previous)

/** Covers columns that are written once and read together. JSON keeps `null` and `""` and the borders apart. */
export const ofColumns = (...columns: ReadonlyArray<string | number | null>): number => crc32(JSON.stringify(columns))
