"""How a message leaves the portal: one module each. To add one, copy its neighbour."""

from __future__ import annotations
