"""Fits the small models that the poisoning signals ship; each module is run once and checked in."""
