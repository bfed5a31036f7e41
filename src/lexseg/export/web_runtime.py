"""The JavaScript that a model in a browser needs and LexSeg does not hold: taken from a `node_modules`, or fetched."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from lexseg.errors import ConfigError
from lexseg.private import private_folder

WEB = Path(str(files("lexseg"))) / "assets" / "web"
"""The page's own part, and which packages of which versions it needs."""
LICENCES = "LICENCES.md"

# where in a package a file is, and what it becomes in the folder
_FILES: dict[str, dict[str, str]] = {
    "onnxruntime-web": {
        "dist/ort.wasm.bundle.min.mjs": "ort.js",
        "dist/ort-wasm-simd-threaded.wasm": "ort.wasm",
    },
    "pyodide": {
        name: f"pyodide/{name}"
        for name in (
            "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json",
        )
    },
    "@huggingface/tokenizers": {"dist/tokenizers.min.mjs": "tokenizers.js"},
    "dicom-parser": {"dist/dicomParser.min.js": "dicom-parser.js"},
    "jpeg-lossless-decoder-js": {"release/lossless-min.js": "jpeg-lossless.js"},
    "@cornerstonejs/codec-charls": {
        "dist/charlswasm_decode.js": "charls.js",
        "dist/charlswasm_decode.wasm": "charls.wasm",
    },
    "@cornerstonejs/codec-openjpeg": {
        "dist/openjpegwasm_decode.js": "openjpeg.js",
        "dist/openjpegwasm_decode.wasm": "openjpeg.wasm",
    },
}  # fmt: skip
# written for Node.js' `require`: given what they ask for, they are modules as browsers import them
_WRAPPED = ("dicom-parser.js", "charls.js", "openjpeg.js")
_BEFORE = b"const exports = {}, module = { exports }, require = () => undefined;\n"
_AFTER = b"\nexport default module.exports;\n"


@contextlib.contextmanager
def web_runtime(given: Path | None) -> Iterator[Path]:
    """A folder `node_modules` with all packages in the versions that are needed.

    Args:
        given: one that is there; ``None`` has npm fetch it, into a folder that is removed again.

    Raises:
        ConfigError: it lacks a package or holds another version; or npm is missing, or cannot fetch them.
    """
    if given is not None:
        _check(given)
        yield given
        return
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(
            f"a model for the browser needs JavaScript that npm fetches, and npm is not installed: install it, or run "
            f"`npm ci --ignore-scripts` beside copies of {WEB / 'package.json'} and package-lock.json on a machine "
            "that has it, and name the folder node_modules that it makes: --web-runtime DIR"
        )
    with private_folder("npm") as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(WEB / name, folder / name)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()] or ["it does not say why"]
            raise ConfigError(
                f"npm could not fetch what a model in the browser needs ({said[0]}); where there is no network, name a "
                "folder node_modules that was made elsewhere: --web-runtime DIR"
            )
        fetched = folder / "node_modules"
        _check(fetched)
        yield fetched


def _check(modules: Path) -> None:
    for package, version in wanted().items():
        about = modules / package / "package.json"
        try:
            found = json.loads(about.read_text(encoding="utf-8"))["version"]
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigError(
                f"{modules}: holds no {package}; expected a folder node_modules, as `npm ci --ignore-scripts` makes it "
                f"beside copies of {WEB / 'package.json'} and package-lock.json"
            ) from None
        if found != version:
            raise ConfigError(f"{modules}: holds {package} {found}, and {version} was expected; run `npm ci` again")
        for name in _FILES[package]:
            if not (modules / package / name).is_file():
                raise ConfigError(f"{modules}: {package} lacks {name}; run `npm ci` again")


def wanted() -> dict[str, str]:
    """The packages, and their versions."""
    told: dict[str, str] = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return told


def copy_runtime(modules: Path, target: Path) -> None:
    """Copy what a browser needs of the packages, and their licences.

    Args:
        modules: of :func:`web_runtime`.
        target: the folder to fill.
    """
    said = ["# What is in this folder\n\nNone of it is part of LexSeg. Each package is under its own licence.\n"]
    for package, names in _FILES.items():
        told = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
        for name, to in names.items():
            place = target / to
            place.parent.mkdir(parents=True, exist_ok=True)
            content = (modules / package / name).read_bytes()
            place.write_bytes(_BEFORE + content + _AFTER if to in _WRAPPED else content)
        source = told.get("repository") or ""
        source = source.get("url", "") if isinstance(source, dict) else source
        texts = sorted(path for path in (modules / package).iterdir() if path.name.lower().startswith("licen"))
        kept = [f"{package.strip('@').replace('/', '-')}-{path.name}" for path in texts]
        for path, name in zip(texts, kept, strict=True):
            shutil.copyfile(path, target / name)
        where = f"; its text: {', '.join(kept)}" if kept else "; the package brings no text of it"
        files_ = ", ".join(sorted(names.values()))
        said.append(f"- **{package}** {told['version']} ({source}): {told.get('license')}{where}. Here: {files_}")
    (target / LICENCES).write_text("\n".join(said) + "\n", encoding="utf-8")
