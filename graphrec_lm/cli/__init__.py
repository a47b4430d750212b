"""The command `graphrec-lm`; what a subcommand needs is imported when it runs."""

from graphrec_lm.cli.app import main

__all__ = ["main"]
