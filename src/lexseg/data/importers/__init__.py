"""Data layouts of other projects, turned into manifests."""

from lexseg.data.importers.build import LAYOUTS, ImportReport, import_layout

__all__ = ["LAYOUTS", "ImportReport", "import_layout"]
