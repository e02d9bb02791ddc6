/** Which files a process has loaded, those of installed packages left out. */
import { createRequire, register } from "node:module"
import { fileURLToPath } from "node:url"
import { MessageChannel } from "node:worker_threads"

/** A module hook, run by Node in a thread of its own. It comes as text, because it must load whatever loads this file. */
const HOOK = `
let port
export const initialize = (data) => { port = data.port }
export const resolve = async (specifier, context, next) => {
  const resolved = await next(specifier, context)
  port.postMessage(resolved.url)
  return resolved
}`

/** Records from now on what is imported. */
export const record = (): () => ReadonlyArray<string> => {
  const urls = new Set<string>()
  const { port1, port2 } = new MessageChannel()
  port1.on("message", (url: string) => void urls.add(url))
  port1.unref()
  register(`data:text/javascript,${encodeURIComponent(HOOK)}`, { data: { port: port2 }, transferList: [port2] })
  return () => [...new Set([...fromUrls(urls), ...required()])].filter(isOwn)
}

const fromUrls = (urls: Iterable<string>): ReadonlyArray<string> =>
  [...urls].filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url.replace(/[?#].*/, "")))

/** CommonJS modules load one another without asking the hook. */
const required = (): ReadonlyArray<string> => Object.keys(createRequire(import.meta.url).cache)

const isOwn = (file: string): boolean => !/[\\/]node_modules[\\/]/.test(file)
