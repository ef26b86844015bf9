"""Named arrays as files, one module a format, each with `read(stream)` and `write(arrays, mark, stream)`.

The mark is what a file of ours holds besides its arrays; that of a foreign file is empty. A child table `calls` has
its offsets under `calls/` and its columns under names such as `calls/seconds`. Files may be hostile: a reader raises
any exception, and never executes what it reads.
"""
