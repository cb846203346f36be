"""What the embedded store costs beside the bare engine: ``python -m benchmarks.embedded``."""
