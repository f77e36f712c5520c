"""Half precision and int8: a written model, rewritten."""
