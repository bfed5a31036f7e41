"""DICOM files with the geometry that a test wants, made of real pixels or of phantoms."""

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
DX, US_CINE = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.3.1"


def turned(degrees, axis):
    """A rotation about one axis, float[3, 3]."""
    a, (i, j) = np.deg2rad(degrees), [k for k in range(3) if k != axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = np.cos(a)
    turn[i, j], turn[j, i] = -np.sin(a), np.sin(a)
    return turn


def basic(kind, modality, pixels, *, name="Doe^Jane", charset="ISO_IR 192"):
    """A file's data set with patient, study and pixels, [H, W], [frames, H, W] or [H, W, 3]."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, kind
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SpecificCharacterSet = charset
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = kind, meta.MediaStorageSOPInstanceUID, modality
    file.PatientName, file.PatientID, file.PatientBirthDate, file.PatientSex = name, "4711", "19700102", "F"
    file.StudyInstanceUID, file.SeriesInstanceUID = generate_uid(), generate_uid()
    file.StudyID, file.StudyDate, file.StudyTime, file.AccessionNumber = "1", "20260102", "030405", "A1"
    file.ReferringPhysicianName, file.Manufacturer = "Roe^Richard", "Maker"
    file.SeriesNumber, file.InstanceNumber = 3, 1
    color = pixels.ndim == 3 and pixels.shape[-1] == 3
    file.SamplesPerPixel, file.PhotometricInterpretation = (3, "RGB") if color else (1, "MONOCHROME2")
    if color:
        file.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        file.NumberOfFrames = len(pixels)
    file.Rows, file.Columns = pixels.shape[:2] if color else pixels.shape[-2:]
    file.BitsAllocated = file.BitsStored = pixels.dtype.itemsize * 8
    file.HighBit, file.PixelRepresentation = file.BitsStored - 1, int(pixels.dtype.kind == "i")
    file.PixelData = pixels.tobytes()
    return file


def series(folder, values, *, row=(1, 0, 0), column=(0, 1, 0), spacing=(0.8, 0.7), step=2.5, start=(-40, -30, 12.5)):
    """A CT series of ``values`` int16[frames, H, W], its files in a random order; returns the data sets in theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    files, study = [], basic(CT, "CT", values[0])
    normal = np.cross(row, column)
    for k, order in enumerate(np.random.default_rng(7).permutation(len(values))):
        file = basic(CT, "CT", np.ascontiguousarray(values[k]))
        file.StudyInstanceUID, file.SeriesInstanceUID = study.StudyInstanceUID, study.SeriesInstanceUID
        file.FrameOfReferenceUID, file.PositionReferenceIndicator = study.SOPInstanceUID, ""
        file.InstanceNumber = k + 1
        file.ImageOrientationPatient = [f"{v:.12f}"[:16] for v in (*row, *column)]
        file.ImagePositionPatient = [f"{v:.8f}"[:16] for v in np.add(start, k * step * normal)]
        file.PixelSpacing, file.SliceThickness = [str(v) for v in spacing], str(step)
        file.RescaleSlope, file.RescaleIntercept, file.RescaleType = "1", "0", "HU"
        file.KVP, file.ImageType, file.AcquisitionNumber = "120", ["ORIGINAL", "PRIMARY", "AXIAL"], 1
        file.save_as(folder / f"{order:03d}", enforce_file_format=True)
        files.append(file)
    return files


def film(path, pixels, *, orientation=("L", "F"), inverted=False, **values):
    """A radiograph of ``pixels`` uint8[H, W], which no frame of reference places in the patient."""
    file = basic(DX, "DX", pixels)
    file.PatientOrientation = list(orientation)
    file.ImagerPixelSpacing = ["0.7", "0.7"]
    if inverted:
        file.PhotometricInterpretation = "MONOCHROME1"
    for name, value in values.items():
        setattr(file, name, value)
    file.save_as(path, enforce_file_format=True)
    return file


def enhanced(path, values, *, spacing=(0.8, 0.7), step=2.5):
    """An enhanced CT of ``values`` int16[frames, H, W]: one file, places in functional groups, frames upside down."""
    file = basic(ENHANCED_CT, "CT", values)
    file.FrameOfReferenceUID = generate_uid()
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [Dataset()], [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [str(v) for v in spacing]
    shared.PixelMeasuresSequence[0].SliceThickness = str(step)
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    file.SharedFunctionalGroupsSequence, file.PerFrameFunctionalGroupsSequence = [shared], []
    for k in range(len(values)):
        own = Dataset()
        own.PlanePositionSequence = [Dataset()]
        own.PlanePositionSequence[0].ImagePositionPatient = ["-40", "-30", str(100 - k * step)]
        file.PerFrameFunctionalGroupsSequence.append(own)
    file.save_as(path, enforce_file_format=True)
    return file


def points(dataset, frame, mask):
    """Where the pixels of a mask bool[H, W] lie, by a file's own header alone: float[n, 3], millimetres LPS, sorted.

    Args:
        dataset: as pydicom gives it: a plain image, or one with functional groups.
        frame: from 0.
        mask: of that frame.
    """
    position, cosines, spacing = (
        _of_frame(dataset, frame, *names)
        for names in (
            ("PlanePositionSequence", "ImagePositionPatient"),
            ("PlaneOrientationSequence", "ImageOrientationPatient"),
            ("PixelMeasuresSequence", "PixelSpacing"),
        )
    )
    rows, columns = np.nonzero(mask)
    # PS3.3 C.7.6.2.1.1: the first three cosines go along a row, and PixelSpacing names the distance of rows first
    along_row, along_column = np.multiply(cosines[:3], spacing[1]), np.multiply(cosines[3:], spacing[0])
    found = np.array(position) + columns[:, None] * along_row + rows[:, None] * along_column
    return found[np.lexsort(np.round(found, 3).T)]


def _of_frame(dataset, frame, sequence, keyword):
    if keyword in dataset:
        return [float(v) for v in dataset[keyword].value]
    own, shared = dataset.PerFrameFunctionalGroupsSequence[frame], dataset.SharedFunctionalGroupsSequence[0]
    holder = own if sequence in own else shared
    return [float(v) for v in holder[sequence].value[0][keyword].value]


def frames_of(seg):
    """Of each frame of a SEG: its segment's number, the image it refers to, the frame of that or None, and the mask."""
    pixels = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns) > 0
    for item, mask in zip(seg.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        image = item.DerivationImageSequence[0].SourceImageSequence[0]
        holder = item if "SegmentIdentificationSequence" in item else seg.SharedFunctionalGroupsSequence[0]
        number = int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        yield number, image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber"), mask


def read(content):
    """A data set from the bytes of a file."""
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))


def packed(path, syntax, to):
    """The file packed by GDCM, as `JPEGLosslessProcess14_1` or another of its names."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(to))
    assert writer.Write()
    return to
