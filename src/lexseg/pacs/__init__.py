"""Results as DICOM objects, with codes that archives and viewers understand; and the way to and from a PACS.

Needs the extra ``dicom``: ``pip install 'lexseg[dicom]'``.
"""
