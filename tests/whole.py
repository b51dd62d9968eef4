"""How much the tests try. With TESTS_WHOLE set nothing is thinned: every twin, every fault, every size.

Without it a few examples stand for what takes long and goes the same way.
"""

from __future__ import annotations

import os

WHOLE = bool(os.environ.get("TESTS_WHOLE"))
