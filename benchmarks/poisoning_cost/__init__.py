"""What the defence against poisoning costs as a collection grows; run with ``python -m``."""
