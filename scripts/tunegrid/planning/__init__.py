"""Planning: from configuration files to a checked project and the cells of its grid."""
