"""Judging answers without a model: extractors, scorecards, statistics, comparisons."""
