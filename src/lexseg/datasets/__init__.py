"""Data sets made into manifests: imported, described, referred to, drawn, cut from volumes.

Here live the importers of published layouts, sentences written from masks (`describe`), referring expressions
(`refer`), phantoms, slices of volumes, and films of two halves. The room makes cases and writes them down; it may touch
cases, scans and language, and a text encoder's tokens, but no network. Its doors are `lexseg.datasets.importers`,
`lexseg.datasets.refer`, `lexseg.datasets.describe` and `lexseg.datasets.phantoms`, one a command.
"""
