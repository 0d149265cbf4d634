"""Bulk import: a table and a ZIP of photos in, one verdict on each line out."""
