"""Wake-ups between processes. A message may be lost, so it carries pointers, never state."""
