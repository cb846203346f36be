"""``ragbastion bench poisoning``: how much poison reaches answers, and what a guard costs."""
