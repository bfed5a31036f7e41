"""Data layouts of other projects, turned into manifests."""

from lexseg.data.importers.build import ImportReport, import_layout
from lexseg.data.importers.layouts import LAYOUTS

__all__ = ["LAYOUTS", "ImportReport", "import_layout"]
