"""tunegrid: the library behind the workflow's programs, a package for each topic.

Nothing that the Snakefile imports from here (planning, configuration, metrics, staleness, cluster)
imports torch, transformers, datasets or matplotlib.
"""

#: The one place where the version stands; CHANGELOG and CITATION are held against it by a test.
__version__ = "0.2.0"
