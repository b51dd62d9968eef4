"""The command line of the library: `qbwc sandbox`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 only on success."""
    from qbwc.sandbox import cli as sandbox_cli

    args = build_parser().parse_args(argv)
    try:
        return sandbox_cli.run(args)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="qbwc", description="Tools for QuickBooks Web Connector endpoints.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "visit an endpoint as a Web Connector with a QuickBooks company in miniature"
    sandbox = commands.add_parser("sandbox", help=text)
    from qbwc.sandbox import cli as sandbox_cli

    sandbox_cli.add_arguments(sandbox)
    return parser


if __name__ == "__main__":
    sys.exit(main())
