"""Phantoms: drawn abdominal slices with liver lesions, for tests, tutorials and experiments on a laptop.

They look like CT and are none: a score on phantoms says that the machinery works, not how it does on patients. Their
manifests say ``phantom = yes``; what holds phantoms and real images apart is in `lexseg.datasets.phantoms.mark`.
"""

from lexseg.datasets.phantoms.draw import Phantom, draw_phantom
from lexseg.datasets.phantoms.write import write_phantoms

__all__ = ["Phantom", "draw_phantom", "write_phantoms"]
