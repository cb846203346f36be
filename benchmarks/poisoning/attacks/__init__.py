"""Attacks of our own making: small, seeded, each over a question, a wrong answer and passages."""
