"""TotalSegmentator's data sets: a folder for each subject, in it the volume, and a folder of a file per class.

That folder is called ``segmentations``. The class is the file's name (``kidney_left.nii.gz``). Left and right are the
patient's.
"""

from pathlib import Path

from lexseg.datasets.importers.classes import ClassMasks, ClassOptions, plain, slices_of, tell_classes
from lexseg.datasets.importers.record import Findings, find_folder
from lexseg.errors import DataError
from lexseg.scans.nifti_volume import is_volume, read_labels, read_volume, stem_of

_FOLDERS = ("segmentations", "segmentation")


def read(source: Path, drawn: Path, options: ClassOptions) -> Findings:
    """Read the subjects' CT volumes and the masks of the classes asked for, as slices.

    Args:
        source: the folder of the subjects, or one of them.
        drawn: where slices are drawn.
        options: which classes and slices are taken, and how they are asked for.
    """
    findings = Findings()
    subjects = [source] if find_folder(source, _FOLDERS) else sorted(path for path in source.iterdir() if path.is_dir())
    known: dict[str, int] = {}
    for subject in subjects:
        folder = find_folder(subject, _FOLDERS)
        if folder is None:
            findings.note("warning", "passed over: there is no folder 'segmentations' in it", subject)
            continue
        volumes = sorted(path for path in subject.iterdir() if is_volume(path) and path.is_file())
        files = sorted(path for path in folder.iterdir() if is_volume(path) and path.is_file())
        if len(volumes) != 1 or not files:
            found = ", ".join(path.name for path in volumes) or "none"
            message = f"one volume and the classes' files in 'segmentations' were expected; volumes: {found}"
            findings.note("error", message, subject)
            continue
        for path in files:
            known.setdefault(stem_of(path), len(known) + 1)
        try:
            volume = read_volume(volumes[0])
            masks = ClassMasks()
            for path in files:
                if options.takes(stem_of(path)):
                    masks.add(known[stem_of(path)], stem_of(path), read_labels(path, volume) > 0)
        except DataError as error:
            findings.note("error", str(error), subject)
            continue
        for note in volume.notes:
            findings.note("warning", note, volumes[0])
        rows = list(slices_of(subject.resolve().name, volume, masks, options, drawn / plain(subject.resolve().name)))
        if not rows:
            findings.note("warning", "left out: no slice shows enough of any class that is taken", subject)
        findings.records += rows
    tell_classes(options, known, source, findings)
    return findings
