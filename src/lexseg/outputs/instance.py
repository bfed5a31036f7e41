"""A new object of a patient's study, with what every object says of patient, study, equipment and time."""

import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from lexseg.outputs.derived import CHARACTERS, MANUFACTURER, date_and_time, new_uids, software, source_of, tidy
from lexseg.scans.scan import Scan

# what a picture of the patient takes over; of its place in the patient nothing
_KEPT = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "IssuerOfPatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "StudyInstanceUID",
    "ReferringPhysicianName",
    "BodyPartExamined",
)


def new_instance(
    scan: Scan,
    frame: int,
    sop_class: str,
    modality: str,
    *,
    model_version: str,
    number: int = 1,
    uid: str | None = None,
    made: datetime.datetime | None = None,
) -> Dataset:
    """An object in a series of its own, in the study of a scan.

    Args:
        scan: the images, from DICOM.
        frame: whose header is taken, from 0.
        sop_class: its SOPClassUID.
        modality: of its series.
        model_version: of the model that segmented.
        number: InstanceNumber, of several of a series.
        uid: SOPInstanceUID; ``None`` makes one up.
        made: when it was made; ``None`` is now.

    Returns:
        the object, with its file meta information.

    Raises:
        DataError: if the scan is not from DICOM, or its headers lack what an object must refer to.
    """
    header = tidy(source_of(scan).dataset(frame))
    instance, series = new_uids(uid)
    date, time = date_and_time(made)
    new = Dataset()
    for name in _KEPT:
        if name in header:
            new[name] = header[name]
    new.SpecificCharacterSet = CHARACTERS
    new.SOPClassUID, new.SOPInstanceUID = sop_class, instance
    new.SeriesInstanceUID, new.InstanceNumber, new.Modality = series, number, modality
    new.Manufacturer, new.ManufacturerModelName = MANUFACTURER, "LexSeg"
    new.SoftwareVersions = software(model_version)
    for name in ("Series", "InstanceCreation"):
        setattr(new, f"{name}Date", date)
        setattr(new, f"{name}Time", time)
    # empty where the image does not say
    new.Laterality = str(header.get("Laterality") or "")
    new.file_meta = FileMetaDataset()
    new.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    new.file_meta.MediaStorageSOPClassUID, new.file_meta.MediaStorageSOPInstanceUID = UID(sop_class), instance
    return new
