"""Mean response times without simulation."""
