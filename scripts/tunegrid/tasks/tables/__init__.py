"""Tables of any format, row by row: what a file holds before anything is made of it."""
