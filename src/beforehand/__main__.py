"""The command `beforehand`."""


def main() -> None:
    """Run the command line."""
