"""Boxes from words, LIMIS-style: a head trained on masks' boxes, and on sentences that name nothing there (`fit`).

Its folder is read by :func:`lexseg.training.lang2box.folder.load_lang2box`.
"""
