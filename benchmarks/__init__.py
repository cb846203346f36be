"""What the guard is worth, measured; only `ragbastion.benchmarks.injection` is installed."""
