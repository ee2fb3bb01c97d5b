"""scssim."""
