"""A queue for asyncio that serves in a policy's order."""
