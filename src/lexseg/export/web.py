"""A model as a page: a folder that any web server can send, and that answers in the browser."""

import io
import json
import shutil
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from lexseg.errors import ModelError
from lexseg.export.folder import export_model
from lexseg.export.precision import Precision
from lexseg.export.web_compiled import compile_python
from lexseg.export.web_runtime import WEB, copy_runtime, web_runtime
from lexseg.files import new_folder
from lexseg.graphs.store import ABOUT, GraphsInfo
from lexseg.models.config import find_model, read_config
from lexseg.outputs.capabilities import what_it_is
from lexseg.predict.segmenter import Segmenter

MODEL, RUNTIME = "model", "runtime"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; "
    "style-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'"
)
"""What the page may load: nothing from anywhere but its own folder. (`blob:` is the page's own memory.)"""

_PACKAGE = Path(str(files("lexseg")))
_PAGE = _PACKAGE / "server" / "page"
_HEAD = '  <meta charset="utf-8">\n'
# what decides in the browser as it does everywhere; none of it needs more than Python
_RULES = (
    *("errors.py", "_moved.py", "_version.py", "encoders/text/reader.py", "models/config.py"),
    *("outputs/wording.py", "export/in_browser.py"),
    *(f"predict/{name}.py" for name in ("answered", "panels", "report_findings")),
    *(f"predict/{name}.py" for name in ("options", "words")),
)
_MOST_BYTES = 1_000_000_000


def export_web(
    model: str | Path, output: Path, *, precision: Precision = "fp32", runtime: Path | None = None
) -> GraphsInfo:
    """Write a model as a static page that segments in the browser, with no server behind it.

    Args:
        model: a bundled name, a model folder or a hub id.
        output: the folder to make, whole or not at all: ``index.html``, the page's scripts, ``model/`` as
            :func:`lexseg.export.folder.export_model` makes it, ``runtime/`` with other people's JavaScript and their
            licences, ``rules.zip`` with LexSeg's rules of language, and ``README.md``.
        precision: of the weights.
        runtime: a folder `node_modules` with the packages; ``None`` has npm fetch them.

    Raises:
        ModelError: as :func:`lexseg.export.folder.export_model`; the model keeps the shape of images.
        ConfigError: as :func:`lexseg.export.web_runtime.web_runtime`.
        DataError: if there is something at ``output`` already.
    """
    name = find_model(model).name if Path(model).exists() else str(model)
    if (fit := read_config(find_model(model)).fit) != "stretch":
        raise ModelError(
            f"{name}: keeps the shape of images (fit {fit!r}), and the page can only stretch them; serve it"
        )
    with new_folder(output) as target, web_runtime(runtime) as modules:
        about = export_model(model, target / MODEL, precision=precision)
        segmenter = Segmenter.from_pretrained(target / MODEL)
        segmenter.name = name
        _copy_page(target)
        copy_runtime(modules, target / RUNTIME)
        rules = target / "rules.zip"
        rules.write_bytes(rules_archive())
        python = target / RUNTIME / "pyodide"
        compiled = compile_python(python, [rules, python / "python_stdlib.zip"])
        _write_json(target / "rules.json", rules_of(segmenter, about, target / MODEL))
        _write_json(target / "capabilities.json", capabilities_of(segmenter))
        size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        (target / "README.md").write_text(_card(name, about, size, compiled), encoding="utf-8")
    return about


def rules_archive() -> bytes:
    """The modules that `lexseg.export.in_browser` needs, as a zip: the same code, and no other's."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        paths = [_PACKAGE / name for name in _RULES]
        paths += sorted((_PACKAGE / "language").glob("*.py")) + sorted(
            (_PACKAGE / "assets" / "language").glob("*.json")
        )
        names = [f"lexseg/{path.relative_to(_PACKAGE).as_posix()}" for path in paths]
        packages = {folder.as_posix() for name in names for folder in Path(name).parents if folder.as_posix() != "."}
        for folder in sorted(packages):
            if "assets" not in folder and f"{folder}/__init__.py" not in names:
                archive.writestr(_entry(f"{folder}/__init__.py"), "")  # their own import what is not here
        for path, name in zip(paths, names, strict=True):
            archive.writestr(_entry(name), path.read_bytes())
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time: the same code, the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def rules_of(segmenter: Segmenter, about: GraphsInfo, folder: Path) -> dict[str, Any]:
    """What the page knows of a model, as plain JSON values (:class:`lexseg.export.in_browser.Rules`).

    Args:
        segmenter: the exported model.
        about: what it says of itself.
        folder: where it is.
    """
    worlds = what_it_is(segmenter)["models"][0]["worlds"]
    names = [*about.files, ABOUT]
    return {
        "name": segmenter.name,
        "sha256": segmenter.sha256,
        "size": list(segmenter.size),
        "laterality": segmenter.laterality,
        "modalities": list(segmenter.modalities),
        "threshold": segmenter.threshold,
        "presence": dict(segmenter.calibration),
        "presence_threshold": segmenter.presence_threshold,
        "plain": dict(segmenter.plain),
        "reader": None if about.reader is None else dict(about.reader),
        "worlds": worlds,
        "files": {name: (folder / name).stat().st_size for name in names},
    }


def capabilities_of(segmenter: Segmenter) -> dict[str, Any]:
    """What the page says that it can do, as the server's `/capabilities`."""
    return {
        **what_it_is(segmenter),
        "formats": {"in": ["png", "jpeg", "dicom"], "out": ["png", "json"]},
        "limits": {"upload_bytes": _MOST_BYTES, "upload_files": 1},
    }


def _copy_page(target: Path) -> None:
    """The server's page, with another back end."""
    for path in sorted(_PAGE.iterdir()):
        shutil.copyfile(path, target / path.name)
    for path in sorted(WEB.glob("*.js")):
        shutil.copyfile(path, target / path.name)
    page = (target / "index.html").read_text(encoding="utf-8")
    if _HEAD not in page:
        raise ModelError(f"{_PAGE / 'index.html'}: was changed; install LexSeg again")
    own = (
        f'{_HEAD}  <meta http-equiv="Content-Security-Policy" content="{POLICY}">\n  <script src="start.js"></script>\n'
    )
    (target / "index.html").write_text(page.replace(_HEAD, own, 1), encoding="utf-8")


def _write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


def _card(name: str, about: GraphsInfo, size: int, compiled: bool) -> str:
    python = (
        "compiled ahead"
        if compiled
        else "compiled at every opening, which takes some two seconds: an export where Node.js is installed spares them"
    )
    return f"""# {name}, in a browser

A LexSeg model (weights {str(about.weights_sha256)[:12]}, {about.precision}) as a page of {size / 1e6:.0f} MB.
It opens a PNG, a JPEG or a DICOM file of one image, and masks what a sentence names. **Research use only: not a medical
device.** The model's terms are in `model/`, the licences of the JavaScript that is not LexSeg's in
`runtime/LICENCES.md`. Its Python is {python}.

Any web server can send this folder, also one without a network:

    python -m http.server --bind 127.0.0.1 8000

in this folder, and the address http://127.0.0.1:8000/ . Opened from the disk (`file://`) it cannot work, as browsers
load no modules and no WebAssembly from there; the page says so. The image and the words stay in the browser: the page
loads its own folder, and its policy forbids it to reach anything else.
"""
