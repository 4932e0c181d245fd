"""tunegrid: the library behind the workflow's scripts, one subpackage a topic.

Nothing here imports torch, transformers, datasets or matplotlib at package level, so that the
Snakefile can import `tunegrid.planning` and `tunegrid.staleness` cheaply.
"""
