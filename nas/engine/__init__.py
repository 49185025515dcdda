"""The search: configuration, decisions, claims, workers, budget; the only place of optuna."""
