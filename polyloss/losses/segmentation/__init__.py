"""Segmentation: which class each pixel belongs to, judged by regions."""
