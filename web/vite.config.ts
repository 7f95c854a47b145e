import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Each text file also compressed, once and at best: the server has nothing to compress while it serves. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [name, output] of Object.entries(bundle)) {
          if (!/\.(js|css|html|svg|webmanifest)$/.test(name)) continue;
          const source = Buffer.from(output.type === "chunk" ? output.code : output.source);
          const brotli = brotliCompressSync(source, {
            params: { [constants.BROTLI_PARAM_SIZE_HINT]: source.length },
          });
          this.emitFile({ type: "asset", fileName: `${name}.br`, source: brotli });
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source: gzipSync(source, { level: 9 }) });
        }
      },
    },
  };
}

/** The page is drawn first when its script has run, so that a theme that was chosen by hand is not preceded by the system's. */
function drawnAtOnce(): Plugin {
  return {
    name: "drawn-at-once",
    transformIndexHtml: {
      order: "post",
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  };
}

/** KaTeX names each font in three formats; every browser that can run the page reads the first. */
function onlyWoff2(): Plugin {
  return {
    name: "only-woff2",
    enforce: "pre",
    transform(code, id) {
      if (!/katex[^/]*\.css$/.test(id)) return null;
      return { code: code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("[^"]*"\)/g, ""), map: null };
    },
  };
}

/** Warnings without a cure: a directive of virtua's for React's servers, and that a busy machine builds slowly. */
const NOTHING_TO_DO = new Set(["MODULE_LEVEL_DIRECTIVE", "PLUGIN_TIMINGS"]);

/** Numbers in the place of paths: what is built is the same wherever it was built. */
const shortName = (path: string) => createHash("sha256").update(path).digest("hex").slice(0, 8);

/** How paths begin that `npm run dev` answers by itself. All else is the server's. */
const ours = ["$|\\?|@|src/|node_modules/|index.html", ...readdirSync(new URL("public", import.meta.url))];

export default defineConfig({
  base: "./", // also where a proxy puts a path before ours
  plugins: [drawnAtOnce(), onlyWoff2(), compressed()],
  // virtua is written for React; Preact stands in for it.
  resolve: {
    alias: { react: "preact/compat", "react-dom": "preact/compat", "react/jsx-runtime": "preact/jsx-runtime" },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  css: { modules: { generateScopedName: (name, path) => `${name}-${shortName(path)}` } },
  build: {
    outDir: fileURLToPath(new URL("../src/chatkeep/static", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox125", "safari17.5"], // they know light-dark() and popovers
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" }, // of what is bundled: most ask for it to go with every copy
    rolldownOptions: { onLog: (level, log, say) => NOTHING_TO_DO.has(log.code ?? "") || say(level, log) },
    assetsInlineLimit: 0, // the page's policy takes no data: scripts, and fonts are fetched once
  },
  server: {
    port: 5173,
    // The name the browser came by is passed on as it is: the server takes requests of pages from that name only.
    proxy: { [`^/(?!${ours.join("|")})`]: { target: "http://127.0.0.1:8000", ws: true } },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 60_000, // ends what hangs; a busy machine is only slow
  },
} as Parameters<typeof defineConfig>[0]);
