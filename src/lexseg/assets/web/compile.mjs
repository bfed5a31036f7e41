// Compiles archives of Python for the browser's own Python, which would else do it at every opening of the page.
//
//     node compile.mjs PYODIDE ARCHIVE [ARCHIVE ...]
//
// Each archive is replaced by one with byte code in place of its sources; what is no Python stays as it is.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const COMPILE = `
import pathlib, py_compile, zipfile

def compiled(name, shown):
    made, source = pathlib.Path("/made.zip"), pathlib.Path("/source.py")
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with zipfile.ZipFile(name) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content, to = old.read(entry), zipfile.ZipInfo(entry.filename)
            to.compress_type = zipfile.ZIP_DEFLATED
            if entry.filename.endswith(".py"):
                source.write_bytes(content)
                try:
                    py_compile.compile(
                        str(source), "/source.pyc", dfile=f"{shown}/{entry.filename}", doraise=True,
                        optimize=0, invalidation_mode=unchecked,
                    )
                except py_compile.PyCompileError:
                    pass
                else:
                    content, to.filename = pathlib.Path("/source.pyc").read_bytes(), entry.filename + "c"
            new.writestr(to, content)
    return made.read_bytes()
`;

const [folder, ...archives] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: folder, env: { PYTHONHASHSEED: "0" } });
python.runPython(COMPILE);
for (const path of archives) {
  python.FS.writeFile("/archive.zip", readFileSync(path));
  const shown = path.split(/[\\/]/).at(-1);
  const content = python.globals.get("compiled")("/archive.zip", shown).toJs();
  writeFileSync(path, content);
}
