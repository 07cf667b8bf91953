"""A yardstick of our own for recall: long dialogues written by hand, small talk between them."""
