"""The shared words of ragbastion: values, errors, settings, and the protocols between parts.

Nothing here imports another part of the package, and importing it loads no model.
"""
