"""Data layouts of other projects, turned into manifests."""

from lexseg.datasets.importers.build import ImportReport, import_layout
from lexseg.datasets.importers.layouts import LAYOUTS

__all__ = ["LAYOUTS", "ImportReport", "import_layout"]
