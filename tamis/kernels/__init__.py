"""Arrays in, arrays out: numba over Arrow buffers. Kernels know nothing of records."""
