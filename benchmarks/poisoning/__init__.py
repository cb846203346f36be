"""``ragbastion bench poisoning``: how much poison a guard lets into answers, and what that costs."""
