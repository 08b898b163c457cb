// Makes pushwire.min.js of pushwire.js:
//
//   node build.mjs           writes it
//   node build.mjs --print   prints it
//
// with the terser that ci/setup.sh installs, whose version peers/node pins. The
// same version makes the same bytes, which a test in peers/ holds.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.PUSHWIRE_NODE_MODULES || path.join(here, "../../.cache/node/node_modules");
const { minify } = createRequire(path.join(modules, "from.cjs"))("terser");

// Properties that no application and no server sees: those of an attempt, and
// what an error says about what to do next.
const OURS = /^(rank|asked|began|works|taken|stop|flow|omen|verdict|permanent|unreachable|orderly|behind|retryAfter)$/;

const { code } = await minify(readFileSync(path.join(here, "pushwire.js"), "utf8"), {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true },
  mangle: { properties: { regex: OURS } },
});

if (process.argv[2] == "--print") process.stdout.write(code + "\n");
else writeFileSync(path.join(here, "pushwire.min.js"), code + "\n");
