"""How stages are run: a plan of segments, tasks from files to files, and the executors that carry them."""
