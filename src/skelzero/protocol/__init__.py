"""The honest evaluator: who trains and who tests, what may be looked at when, and the results."""
