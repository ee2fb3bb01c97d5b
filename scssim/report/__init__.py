"""What a run leaves behind: files, figures and a summary for the terminal."""
