"""The model: random streams, patients, plans, histories and what they are worth."""
