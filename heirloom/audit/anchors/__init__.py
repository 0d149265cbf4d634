"""Anchors of the audit log: what it was at a time, told to places that whoever has the database cannot change."""
