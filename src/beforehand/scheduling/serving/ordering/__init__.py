"""The order of the requests that wait, and who makes room for the first of them."""
