"""A store of signed points, every way of tampering with it, and honest round trips.

The tests and ``benchmarks/round_trips.py`` use the same code.
"""
