"""Run the command as ``python -m ragbastion``."""

from .cli.app import main

if __name__ == "__main__":
    main()
