"""Wrapper induction: what an outlet's pages have in common, learnt and applied."""
