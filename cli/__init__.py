"""The ``ragbastion`` command: one module a command group, each loading its parts on first use."""
