"""What a little knowledge beforehand is worth."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """The version, which takes longer to find in the installation than most modules to import."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("beforehand")
