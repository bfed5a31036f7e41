"""The way to and from a PACS by DICOMweb: find a study, fetch it, ask about it, store what was found beside it.

Here live access and credentials, listing, fetching, storing, and what to tell the user of a request that failed. No
identifier of a patient stands in a message or a log. Its door is `lexseg.pacs.answer`. Needs the extra ``dicom``:
``pip install 'lexseg[dicom]'``.
"""
