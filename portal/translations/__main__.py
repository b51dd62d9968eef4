"""`python -m portal.translations`: bring the French texts up to date and list what is not translated."""

from __future__ import annotations

import sys

from portal.translations import update

lacking = update()
sys.stdout.write("".join(f"{text}\n" for text in lacking))
sys.exit(1 if lacking else 0)
