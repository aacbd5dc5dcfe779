"""Values, errors, settings and ports that every stage shares; imports nothing of ours."""
