"""How much of what is known to be wrong in public data the contracts beside this find, cell by cell.

`config` holds the contracts, written from the uncorrected data; the corrected copy is read by `measure` only.
"""
