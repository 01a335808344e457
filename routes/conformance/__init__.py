"""Whether a message is as it should be: the standard's own tables, and the profiles of a site."""
