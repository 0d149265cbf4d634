"""Cells of the tables that are handed out: what a spreadsheet would carry out is written as text (OWASP, "CSV
Injection").

A cell is carried out if it begins like a formula; and so is any part of it where a spreadsheet begins another cell,
because it takes another separator than ours, or reads a quotation mark or line break otherwise than RFC 4180 does.
"""

import re

SHIELD = "'"
# Full-width forms are read as the plain ones where Japanese or Chinese is written.
_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# What may end one cell and begin another; the breaks are all that some program takes for one.
_BREAKS = "\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
_EDGE = f'["\u201c\u201d\uff02,;|{_BREAKS}]'
_BLANK = f"(?:[^\\S{_BREAKS}]|[\u200b\u2060\ufeff\xad])*"
_BEGIN = f"(?:\\A|(?<={_EDGE})){_BLANK}"
# Shields that a text came with are kept: one more is put before them, and taken off.
_RISK = f"{SHIELD}*[{_FORMULA}]"
_RISKY = re.compile(f"\\A(?={SHIELD}*[\t\r\n])|{_BEGIN}(?={_RISK})")
_SHIELDED = re.compile(f"\\A{SHIELD}(?={SHIELD}*[\t\r\n])|({_BEGIN}){SHIELD}(?={_RISK})")


def shielded(cell: str) -> str:
    """Return a cell with an apostrophe before everything that a spreadsheet would carry out."""
    return _RISKY.sub(lambda found: f"{found[0]}{SHIELD}", cell)


def unshielded(cell: str) -> str:
    """Return what was shielded."""
    return _SHIELDED.sub(lambda found: found[1] or "", cell)
