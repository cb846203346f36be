"""What the guard is worth, measured; `injection` and `tenancy` are installed."""
