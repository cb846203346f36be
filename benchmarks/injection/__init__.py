"""``ragbastion bench injection``: what the injection scanner finds, stops wrongly, and costs."""
