"""THC on a GPU. The modules in here need torch and Triton, which comes with torch's builds for CUDA."""
