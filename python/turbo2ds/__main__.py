"""``python -m turbo2ds`` is the console script."""

import sys

from turbo2ds._command import main

sys.exit(main())
