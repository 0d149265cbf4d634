"""Numbers in, verdict out. Pure: nothing is read but the policy files."""
