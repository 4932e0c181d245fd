"""The configuration: typed models, catalogues, loading, and its documentation."""
