"""What a run does besides its base case: sensitivity, variants, extrapolation, budget, and the decision itself."""
