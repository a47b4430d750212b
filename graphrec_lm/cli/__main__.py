"""`python -m graphrec_lm.cli`."""

import sys

from graphrec_lm.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
