"""``python -m lexseg``."""

import sys

from lexseg.cli.main import main

sys.exit(main())
