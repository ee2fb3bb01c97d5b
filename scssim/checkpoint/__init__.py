"""What an unfinished run has done so far, kept on disk."""
