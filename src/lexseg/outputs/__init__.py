"""Answers as files: PNG, NIfTI, DICOM SEG and secondary captures, JSON, polygons, overlays, pages.

Here live what can be written of what, how it is encoded, and the writing of files that belong together, all or none.
The room is given answers and scans, and asks no model but in the demonstration. Sentences may tell of a patient: they
are written only where the caller says so. Its door is the registry `lexseg.outputs.formats`; what writes DICOM needs
the extra ``dicom``: ``pip install 'lexseg[dicom]'``.
"""
