"""How properties are searched: without a deadline, and on CI in the same order every time."""

import os

from hypothesis import settings

# Tests assert no times: speed is measured in benchmarks/, and machines are shared.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
