"""The only writers of verifications, and the comparisons that are answered in the call."""
