"""Named arrays as files, one module a format, each with `read(stream)` and `write(arrays, mark, stream)`.

The mark is what a file of our own says beside its arrays; that of a foreign file is empty. A child table `calls` has
its offsets under `calls/` and its columns under names such as `calls/seconds`. What is read may be hostile: a reader
raises what it likes, and runs none of it.
"""
