"""Measurements: how early and how quiet the policy is, and what a run costs. Nothing here is a test."""
