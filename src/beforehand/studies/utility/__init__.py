"""Beyond Throughput and Compression Ratios (arXiv:2407.01378): what makes gradient compression useful in the end."""
