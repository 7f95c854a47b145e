/** Builds the harness: as the page is built, but not compressed. */

import { fileURLToPath } from "node:url";
import type { Plugin, UserConfig } from "vite";
import page from "../../../vite.config";

const { plugins = [], build, ...rest } = page as UserConfig;

export default {
  ...rest,
  publicDir: fileURLToPath(new URL("../../../public", import.meta.url)),
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: plugins.filter((plugin) => (plugin as Plugin).name !== "compressed"),
  build: { ...build, outDir: process.env.HARNESS_OUT ?? "dist", minify: false, reportCompressedSize: false },
} satisfies UserConfig;
