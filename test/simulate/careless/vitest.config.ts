/** Like that of the project, for tests that are meant to fail. */
import { defineConfig } from "vitest/config"
import config from "../../vitest.config.js"

export default defineConfig({ ...config, root: import.meta.dirname, test: { ...config.test, include: ["checkout.ts"] } })
