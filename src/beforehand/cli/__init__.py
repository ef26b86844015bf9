"""The command line: thin over the areas, which it imports only when a command needs them."""
