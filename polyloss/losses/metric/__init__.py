"""Metric learning: close together what is alike, far apart what is not."""
