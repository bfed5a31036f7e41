"""Cases: one image, the sentence about it and, where known, the mask of what the sentence means.

Here live a case and the row of a manifest that it comes from, what its mask and its row together say is true, checks of
a whole data set, splits by patient, and summaries. The room reads files through `lexseg.scans` and sentences through
`lexseg.language`; it knows nothing of where data sets come from, nor of networks. Its doors are
`lexseg.cases.manifest.read_manifest`, `lexseg.cases.truth.truth_of` and `lexseg.cases.check.check_manifest`.
"""
