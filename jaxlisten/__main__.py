"""``python -m jaxlisten``."""

import sys

from jaxlisten.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
