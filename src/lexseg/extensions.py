"""What comes from outside: methods, image encoders and data layouts of a user's own file or of another package.

A file registers what it has with the decorators below and is named by ``--import FILE`` on the command line (or by the
environment variable ``LEXSEG_IMPORT``, several with the path separator between them). A package names its own as entry
points of the groups ``lexseg.methods``, ``lexseg.image_encoders`` and ``lexseg.layouts``, and needs no option.

It touches nothing but the standard library, and imports nothing before it is asked for: who needs none pays nothing.
"""

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from lexseg.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["methods", "image_encoders", "layouts"]
VARIABLE = "LEXSEG_IMPORT"

T = TypeVar("T")
_registered: dict[str, dict[str, Any]] = {"methods": {}, "image_encoders": {}, "layouts": {}}
_imported: dict[Path, str] = {}


def method(cls: type[T]) -> type[T]:
    """Register a subclass of :class:`lexseg.models.base.SegmentationModel` under its ``name``."""
    return _register("methods", str(getattr(cls, "name", cls.__name__)), cls)


def image_encoder(name: str) -> Callable[[T], T]:
    """Register a subclass of :class:`lexseg.encoders.image.base.ImageEncoder`, or what builds one, under a name."""
    return lambda thing: _register("image_encoders", name, thing)


def layout(name: str) -> Callable[[T], T]:
    """Register a reader of a layout: it is given a folder, and gives `lexseg.datasets.importers.record.Findings`."""
    return lambda thing: _register("layouts", name, thing)


def outside(group: Group) -> Mapping[str, Any]:
    """What is there from outside, by name: the things themselves, or entry points that are not loaded yet.

    Raises:
        ConfigError: a file that ``LEXSEG_IMPORT`` names cannot be imported.
    """
    for path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        import_file(Path(path))
    return {point.name: point for point in _points(group)} | _registered[group]


def from_outside(group: Group, name: str) -> Any:
    """The thing of this name; ``None`` where there is none.

    Raises:
        ConfigError: its file or its package cannot be imported.
    """
    thing = outside(group).get(name)
    if name in _registered[group] or thing is None:
        return thing
    try:
        return thing.load()
    except Exception as error:
        raise ConfigError(f"{name}, of the package {_package(thing)}, cannot be imported: {error}") from error


def use(paths: list[str]) -> None:
    """Import files now, and have processes that are started from here import them, too.

    Raises:
        ConfigError: there is no such file, or it cannot be imported.
    """
    for path in paths:
        import_file(Path(path))
    kept = [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]
    kept += [str(Path(path).resolve()) for path in paths]
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys(kept))


def import_file(path: Path) -> None:
    """Import a file once, under a name of its own.

    Raises:
        ConfigError: there is no such file, or what it does when it is imported fails.
    """
    path = path.expanduser().resolve()
    if path in _imported:
        return
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError(f"--import {path}: there is no such file; a Python file, such as my_method.py, was expected")
    name = f"lexseg_outside_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickled workers look for it
    _imported[path] = name
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        _forget(path)
        raise
    except Exception as error:
        _forget(path)
        frames = reversed(traceback.extract_tb(error.__traceback__))
        line = getattr(error, "lineno", None) or next((f.lineno for f in frames if f.filename == str(path)), 0)
        raise ConfigError(f"{path}, line {line}: {type(error).__name__}: {error}") from error


def _forget(path: Path) -> None:
    name = _imported.pop(path)
    sys.modules.pop(name, None)
    for things in _registered.values():
        for own in [key for key, thing in things.items() if getattr(thing, "__module__", "") == name]:
            del things[own]


def _register(group: Group, name: str, thing: T) -> T:
    other = _registered[group].get(name)
    if other is not None and getattr(other, "__module__", None) != getattr(thing, "__module__", None):
        raise ConfigError(f"two files register {name!r} among the {group.replace('_', ' ')}; give one another name")
    if name in _own(group):
        raise ConfigError(f"{name!r} is one of LexSeg's own {group.replace('_', ' ')}; give yours another name")
    _registered[group][name] = thing
    return thing


def _own(group: Group) -> Mapping[str, Any]:
    """LexSeg's own of a group: in `sys.modules` by the time that anything can be registered, or not in use at all."""
    places = {
        "methods": ("lexseg.models", "MODELS"),
        "image_encoders": ("lexseg.encoders.image", "ENCODERS"),
        "layouts": ("lexseg.datasets.importers.layouts", "LAYOUTS"),
    }
    module, name = places[group]
    found: Mapping[str, Any] = getattr(sys.modules.get(module), name, {})
    return found


def _points(group: Group) -> "list[EntryPoint]":
    from importlib.metadata import entry_points  # a fortieth of a second that `--help` does not need

    return list(entry_points(group=f"lexseg.{group}"))


def _package(point: "EntryPoint") -> str:
    return point.dist.name if point.dist is not None else point.value
