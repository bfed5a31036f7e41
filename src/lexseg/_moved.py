"""Names that have moved: imports under the old ones work for one release, with a DeprecationWarning.

`MOVED` lists the modules that the documentation named, `RENAMED` what a module holds, or held, under another name. The
finder stands first in `sys.meta_path`: where a checkout has left empty folders (or ones of byte code) under old names,
Python would else take them for packages without content.
"""

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED = {
    "lexseg.data.batch": "lexseg.training.batch",
    "lexseg.data.files": "lexseg.files",
    "lexseg.data.halves": "lexseg.datasets.halves",
    "lexseg.data.manifest": "lexseg.cases.manifest",
    "lexseg.data.refer.foreign": "lexseg.datasets.refer.foreign",
    "lexseg.data.scans": "lexseg.scans",
    "lexseg.dicom.seg": "lexseg.outputs.seg",
    "lexseg.dicom.segment": "lexseg.outputs.segment",
    "lexseg.inference.ask": "lexseg.predict.ask",
    "lexseg.inference.nifti": "lexseg.outputs.nifti",
    "lexseg.inference.options": "lexseg.predict.options",
    "lexseg.inference.volumes": "lexseg.predict.volumes",
    "lexseg.inference.words": "lexseg.predict.words",
    "lexseg.inference.writing": "lexseg.files",
    "lexseg.language.contradiction": "lexseg.language.asking",
    "lexseg.language.places": "lexseg.language.sides",
    "lexseg.language.plain_words": "lexseg.language.asking",
    "lexseg.scans.pictures": "lexseg.scans.open",
    "lexseg.text.collate": "lexseg.encoders.text.pipeline",
    "lexseg.text.contradiction": "lexseg.language.asking",
    "lexseg.text.foreign": "lexseg.language.foreign",
    "lexseg.text.meaning": "lexseg.language.same_meaning",
    "lexseg.text.negation": "lexseg.language.denial",
    "lexseg.text.paraphrase": "lexseg.language.paraphrase",
    "lexseg.text.places": "lexseg.language.sides",
    "lexseg.text.plain": "lexseg.language.asking",
    "lexseg.text.report": "lexseg.language.report_reading",
    "lexseg.text.strange_words": "lexseg.language.strange_words",
    "lexseg.text.typos": "lexseg.language.typos",
    "lexseg.text.wording": "lexseg.language.sides",
}
RENAMED = {
    "lexseg.comparison.plan": {
        name: f"lexseg.comparison.plan_file.{name}"
        for name in ("locate", "parse_plan", "plan_yaml", "read_plan", "shipped_lists", "shipped_plans", "with_budget")
    },
    "lexseg.evaluation.evaluate": {"Options": "EvaluationOptions"},
    "lexseg.language.foreign": {
        name: f"lexseg.language.vocabulary.{name}" for name in ("looks_foreign", "likely_language")
    },
}
_ROOMS = {old.rpartition(".")[0] for old in MOVED} - {new.rpartition(".")[0] for new in MOVED.values()}
"""Rooms that are no more: they hold nothing but old names."""


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        if spec.name in _ROOMS:
            return None
        new = MOVED[spec.name]
        warnings.warn(f"{spec.name} has moved to {new}", DeprecationWarning, stacklevel=2)
        module = ModuleType(spec.name, f"Moved to :mod:`{new}`; this name goes with the next release.")
        module.__dict__["__getattr__"] = importlib.import_module(new).__getattribute__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run: the names are those of the module that it has become."""


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MOVED and fullname not in _ROOMS:
            return None
        return ModuleSpec(fullname, _Loader(), is_package=fullname in _ROOMS)


def keep_old_names() -> None:
    """Let old names be imported, once for a process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def renamed(module: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module that holds something under another name than it once did.

    Args:
        module: its name, one of `RENAMED`.
    """

    def value_of(name: str) -> Any:
        if (new := RENAMED[module].get(name)) is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(f"{module}.{name} is now called {new}", DeprecationWarning, stacklevel=2)
        holder, _, name = new.rpartition(".")
        return getattr(importlib.import_module(holder or module), name)

    return value_of
