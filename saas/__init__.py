"""Who you are, which tenant you are in, what you may do, and the record of what was done."""
