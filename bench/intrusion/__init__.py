"""`make attack`: attacks on a running instance of its own, a line for each with what it reached."""
