"""``python -m fastnst``."""

from fastnst.cli import main

if __name__ == "__main__":
    main()
