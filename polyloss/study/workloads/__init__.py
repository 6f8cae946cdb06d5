"""The workloads that come with polyloss: one for each of the ten problems, on data that NumPy draws."""
