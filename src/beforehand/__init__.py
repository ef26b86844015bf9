"""What a little knowledge beforehand is worth."""
