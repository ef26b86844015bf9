"""What becomes of a request's KV cache while it waits for a tool."""
