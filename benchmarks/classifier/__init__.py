"""Training the scanner's classifier: seed text, synthesis, network, protocol, export."""
