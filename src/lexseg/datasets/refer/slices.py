"""Volumes in place of a manifest: slices are made of them first, and kept only as long as expressions are written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lexseg.cases.problem import Problem
from lexseg.datasets.importers import import_layout
from lexseg.errors import ConfigError
from lexseg.files import folder_beside
from lexseg.language.sides import Laterality
from lexseg.scans.nifti_volume import is_volume

_OPTIONS = {"min_area": "min-area-mm2"}
"""What an option is called on the command line, where that is another name: there ``--min-area`` is a share."""


def are_volumes(paths: Sequence[Path | str]) -> bool:
    """Whether these are NIfTI files or folders of such, and no manifests.

    Raises:
        ConfigError: if they are both.
    """
    kinds = {Path(path).is_dir() or is_volume(Path(path)) for path in paths}
    if len(kinds) > 1:
        raise ConfigError("volumes and manifests are not read together; make a data set of each")
    return kinds == {True}


@contextmanager
def manifests_of(
    paths: Sequence[Path | str],
    output: Path | str,
    *,
    laterality: Laterality | None = None,
    seed: int = 0,
    **options: Any,
) -> Iterator[tuple[Sequence[Path | str], list[Problem]]]:
    """Manifests as they are; of volumes, manifests of their slices, gone when the block ends.

    Args:
        paths: manifests; or folders of volumes and masks, or volumes whose masks lie beside them.
        output: what will be made of them; slices are made beside it, so that they need not be copied.
        laterality: whose left sentences shall mean; ``None`` means the patient's, where the header knows it.
        seed: of the splits, which are by volume.
        **options: as of the layout ``nifti``; ``None`` counts as not given.

    Yields:
        the manifests, and what was left out or assumed.

    Raises:
        ConfigError: if options for volumes are given with manifests.
        DataError: if a volume or a mask cannot be used.
        OSError: if the slices cannot be written.
    """
    if not are_volumes(paths):
        given = [name for name, value in (*options.items(), ("laterality", laterality)) if value is not None]
        given = [f"--{_OPTIONS.get(name, name)}" for name in given]
        if given:
            raise ConfigError(f"{', '.join(given)}: asked of volumes only; {paths[0]} is a manifest")
        yield paths, []
        return
    parent = Path(output).absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with folder_beside(Path(output).absolute()) as folder:
        manifests: list[Path] = []
        notes: list[Problem] = []
        for number, path in enumerate(paths):
            made = folder / str(number) / (Path(path).resolve().name or "volumes")
            report = import_layout("nifti", path, made, laterality=laterality, seed=seed, **options)
            manifests.append(report.manifest)
            notes += report.notes
        yield manifests, notes
