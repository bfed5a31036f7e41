"""Before anything is imported: ``scipy.ndimage`` wants ``scipy.special`` for the sines of its ``rotate`` alone.

Nothing of LexSeg calls that (``tests/test_lite.py``), and the BLAS that came with it is 30 MB.
"""

import sys
from types import ModuleType

sys.modules["scipy.special"] = ModuleType("scipy.special", "left out of this bundle")
