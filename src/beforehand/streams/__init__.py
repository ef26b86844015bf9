"""Heavy hitters and frequencies of streams, with bounds for every key."""
